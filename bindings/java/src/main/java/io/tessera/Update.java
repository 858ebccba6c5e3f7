package io.tessera;

import java.util.List;
import java.util.Map;

/**
 * What an update is built from.
 *
 * @param weightDecay that of the parameter's group: zero for norms and biases
 * @param dtype of the parameter: {@code f32}
 * @param slots what is kept per parameter, in the order of registering
 * @param learningRate a scalar: that of the parameter's group
 * @param step a scalar, from 1
 * @param clip a scalar: the factor that clips the gradient
 */
public record Update(ModuleConfig config, double weightDecay, List<Long> dims, String dtype,
    Value param, Value gradient, List<Value> slots, Value learningRate, Value step, Value clip) {

  static Update of(String settings, List<Value> values) throws TesseraException {
    ModuleConfig read = new ModuleConfig(settings);
    int last = values.size() - 3;
    List<Long> dims = ((List<?>) read.get("dims")).stream().map(Long.class::cast).toList();
    ModuleConfig config = new ModuleConfig(Json.write((Map<?, ?>) read.get("config")));
    return new Update(config, read.getDouble("weight_decay"), dims, read.getString("dtype"),
        values.get(0), values.get(1), List.copyOf(values.subList(2, last)), values.get(last),
        values.get(last + 1), values.get(last + 2));
  }
}
