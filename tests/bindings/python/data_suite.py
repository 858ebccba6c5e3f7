"""Token files from iterators: the same training as from the text; what is refused."""

import os
import unittest

import numpy as np
import tessera as ts
from suite import Suite


class DataSuite(Suite):
    def losses(self, path):
        config = self.config(steps=6)
        config["data.train"] = path
        return [result.loss for result in ts.Trainer(config).run()]

    def test_the_same_training_as_from_text(self):
        with open(self.corpus, "rb") as file:
            data = file.read()
        lines = data.splitlines(keepends=True)
        sources = {
            "ids": iter(data),
            "lists": (list(line) for line in lines),
            "arrays": (np.frombuffer(line, np.uint8).astype(np.int64) for line in lines),
            "one": [np.frombuffer(data, np.uint8)],
            "mixed": [data[0], list(data[1:7]), np.int32(data[7]), np.array(data[8]), data[9:]],
        }
        expected = self.losses(self.corpus)
        for name, source in sources.items():
            with self.subTest(source=name):
                path = self.at(name + ".bin")
                self.assertEqual(ts.write_tokens(path, source), len(data))
                self.assertEqual(self.losses(path), expected)

    def test_wide_ids(self):
        path = self.at("wide.bin")
        self.assertEqual(ts.write_tokens(path, [[0, 1 << 31, (1 << 32) - 1]], width=4), 3)
        self.assertEqual(np.fromfile(path, np.uint32).tolist(), [0, 1 << 31, (1 << 32) - 1])
        self.assertEqual(ts.write_tokens(self.at("none.bin"), []), 0)
        self.assertEqual(os.path.getsize(self.at("none.bin")), 0)

    def test_what_is_refused_leaves_nothing(self):
        def breaks():
            yield [1, 2, 3]
            raise KeyError("mine")

        cases = [([[1, 70000]], {}, ValueError), ([-1], {}, ValueError), ([1.5], {}, TypeError),
                 (["text"], {}, TypeError), ([1], {"width": 3}, ValueError),
                 (breaks(), {}, KeyError)]
        for source, options, kind in cases:
            with self.assertRaises(kind):
                ts.write_tokens(self.at("x.bin"), source, **options)
        with self.assertRaises(ValueError):
            ts.write_tokens(self.at("x.txt"), [1])
        self.assertEqual(os.listdir(self.folder), ["corpus.txt"])


if __name__ == "__main__":
    unittest.main()
