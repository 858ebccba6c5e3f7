"""samples/java_service: trains, serves, survives (service_testing.py says what)."""

import os

import service_testing  # first: it says where the tests of the bindings are
import java_test
from service_testing import binding_testing

BINDING = os.path.join(binding_testing.scratch("java_service"), "tessera")
TARGET = os.path.join(binding_testing.scratch("java_service"), "target")
SAMPLE = os.path.join(binding_testing.SOURCE, "samples", "java_service")


class JavaServiceTest(service_testing.ServiceTest):
    @classmethod
    def setUpClass(cls):
        binding_testing.run(["mvn", "-q", "-B", "-f", "with-bindings.xml", "-Dmaven.test.skip",
                             f"-Dtessera.target={BINDING}", f"-Dservice.target={TARGET}",
                             "package"], cwd=SAMPLE, env=java_test.environment())

    def start(self, folder, config):
        classes = f"{TARGET}/java-service-0.1.0.jar{os.pathsep}{TARGET}/lib/*"
        return service_testing.Service(
            ["java", "-Xms192m", "-Xmx192m", "-XX:+AlwaysPreTouch",
             f"-Dio.tessera.cache={self.at('cache')}", "-cp", classes,
             "io.tessera.samples.service.Main", config, folder, "127.0.0.1:0"], None)


if __name__ == "__main__":
    binding_testing.main()
