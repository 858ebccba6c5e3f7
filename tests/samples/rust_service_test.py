"""samples/rust_service: trains, serves, survives (service_testing.py says what)."""

import os

import service_testing
from service_testing import binding_testing

TARGET = os.path.join(binding_testing.scratch("rust_service"), "target")
PROGRAM = os.path.join(TARGET, "debug", "rust_service")


class RustServiceTest(service_testing.ServiceTest):
    @classmethod
    def setUpClass(cls):
        env = {**os.environ, "CARGO_TARGET_DIR": TARGET,
               "TESSERA_LIB_DIR": binding_testing.LIBRARY_FOLDER}
        binding_testing.run(["cargo", "build", "--locked", "--quiet"], env=env,
                            cwd=os.path.join(binding_testing.SOURCE, "samples", "rust_service"))

    def start(self, folder, config):
        env = {**os.environ, "LD_LIBRARY_PATH": binding_testing.LIBRARY_FOLDER}
        return service_testing.Service([PROGRAM, config, folder, "127.0.0.1:0"], env)


if __name__ == "__main__":
    binding_testing.main()
