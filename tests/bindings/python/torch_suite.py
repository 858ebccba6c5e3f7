"""PyTorch: memory shared both ways, and modules of the catalogue as torch.nn.Module.

Gradients are held against PyTorch's own layer of the same formula, and in float64 against finite
differences (torch.autograd.gradcheck).
"""

import copy
import gc
import unittest

import torch
import tessera as ts
import tessera.torch as tt
from tessera import configs
from suite import Suite


class TorchSuite(Suite):
    def module(self, part, **options):
        return tt.Module(part, runtime=self.runtime, **options)

    def test_memory_is_shared_both_ways(self):
        for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64,
                      torch.int32, torch.uint8, torch.bool):
            theirs = torch.zeros(3, 5, dtype=dtype)
            ours = ts.Tensor.from_dlpack(theirs)
            self.assertEqual(ours.address, theirs.data_ptr())
            again = torch.from_dlpack(ours)
            self.assertEqual((again.dtype, again.data_ptr()), (dtype, theirs.data_ptr()))
        ours = ts.Tensor.of([1.5, 2.5], "bf16")
        theirs = ours.torch()
        self.assertEqual(theirs.dtype, torch.bfloat16)
        ours.close()
        del ours
        gc.collect()
        self.assertEqual(theirs.tolist(), [1.5, 2.5])
        with self.assertRaises(ts.Unimplemented):
            ts.Tensor.from_dlpack(torch.zeros(4, 6)[:, ::2])

    def test_feed_forward_is_pytorchs(self):
        layer = self.module(configs.FeedForward(model_dim=8, hidden_dim=12))
        names = sorted(name for name, _ in layer.named_parameters())
        self.assertEqual(names, ["down_proj.weight", "gate_proj.weight", "up_proj.weight"])
        x = torch.randn(2, 3, 8, requires_grad=True)
        y = layer(x)
        y.square().sum().backward()
        mine = [x.grad] + [layer.get_parameter(name).grad for name in names]
        weights = [layer.get_parameter(name).detach().clone().requires_grad_() for name in names]
        down, gate, up = weights
        other = x.detach().clone().requires_grad_()
        expected = (torch.nn.functional.silu(other @ gate) * (other @ up)) @ down
        torch.testing.assert_close(y, expected)
        expected.square().sum().backward()
        for got, wanted in zip(mine, [other.grad] + [weight.grad for weight in weights]):
            torch.testing.assert_close(got, wanted)

    def test_gradients_by_differences(self):
        for part in (configs.FeedForward(model_dim=4, hidden_dim=6),
                     configs.Attention(model_dim=4, num_heads=2),
                     configs.RmsNorm(model_dim=4), configs.LayerNorm(model_dim=4)):
            with self.subTest(part=part):
                layer = self.module(part, dtype=torch.float64)
                with torch.no_grad():
                    for weight in layer.parameters():
                        weight.add_(torch.randn_like(weight) * 0.3)
                x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
                self.assertTrue(torch.autograd.gradcheck(layer, (x,)))
                weights = tuple(layer.parameters())
                self.assertTrue(torch.autograd.gradcheck(
                    lambda *_: layer(x.detach()), weights))

    def test_an_optimizer_trains_it(self):
        torch.manual_seed(1)
        model = torch.nn.Sequential(torch.nn.Linear(6, 8),
                                    self.module(configs.TransformerLayer(
                                        model_dim=8, attention=configs.Attention(num_heads=2),
                                        feed_forward=configs.FeedForward(hidden_dim=16))),
                                    torch.nn.Linear(8, 1))
        x = torch.randn(16, 4, 6)
        target = x.sum(2, keepdim=True)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        losses = []
        for _ in range(60):
            loss = (model(x) - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        self.assertLess(losses[-1], losses[0] * 0.2)

    def test_it_is_a_module_like_others(self):
        layer = self.module(configs.FeedForward(model_dim=4, hidden_dim=6), seed=3)
        x = torch.randn(5, 2, 4)
        twin = copy.deepcopy(layer)
        torch.testing.assert_close(twin(x), layer(x))
        other = self.module(configs.FeedForward(model_dim=4, hidden_dim=6), seed=4)
        self.assertFalse(torch.equal(other(x), layer(x)))
        other.load_state_dict(layer.state_dict())
        self.assertTrue(torch.equal(other(x), layer(x)))
        layer.eval()
        with torch.no_grad():
            self.assertFalse(layer(x).requires_grad)
        self.assertEqual(layer(torch.zeros(0, 2, 4)).shape, (0, 2, 4))
        self.assertIn("hidden_dim=6", repr(layer))
        with self.assertRaises(ts.InvalidArgument):
            layer(torch.zeros(2, 3, 5))
        half = self.module(configs.FeedForward(model_dim=4, hidden_dim=6), dtype=torch.bfloat16)
        y = half(torch.randn(2, 3, 4, dtype=torch.bfloat16))
        self.assertEqual(y.dtype, torch.bfloat16)
        y.sum().backward()
        self.assertEqual(half.get_parameter("up_proj.weight").grad.dtype, torch.bfloat16)

    def test_dropout_is_of_training_only(self):
        layer = self.module(configs.Dropout(rate=0.5),
                            example=(torch.zeros(1, 1, 64),))
        x = torch.ones(4, 8, 64)
        first, second = layer(x), layer(x)
        self.assertFalse(torch.equal(first, second))
        self.assertTrue(0.3 < (first == 0).float().mean() < 0.7)
        layer.eval()
        self.assertTrue(torch.equal(layer(x), x))
        layer.train()
        x.requires_grad_()
        y = layer(x)
        y.sum().backward()
        self.assertTrue(torch.equal(x.grad == 0, y == 0))


if __name__ == "__main__":
    unittest.main()
