"""The actions of the parity test from C; each language's own test does the rest.

tests/bindings/parity prints the table of all of them.
"""

import os

import binding_testing


def build(folder):
    """The program in C, in `folder`."""
    program = os.path.join(folder, "parity")
    library = binding_testing.LIBRARY_FOLDER
    binding_testing.run([
        "cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-I",
        os.path.join(binding_testing.SOURCE, "capi", "include"),
        os.path.join(binding_testing.HERE, "parity.c"), "-o", program, "-L" + library, "-ltessera",
        "-Wl,-rpath," + library])
    return program


class ParityTest(binding_testing.BindingTest):
    def test_c_and_the_command_line(self):
        self.check_parity([build(self.folder)])


if __name__ == "__main__":
    binding_testing.main()
