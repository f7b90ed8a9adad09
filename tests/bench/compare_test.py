#!/usr/bin/env python3
"""The statistics of scripts/bench --compare, with invented numbers."""
import unittest

import compare


class SignTest(unittest.TestCase):
    def test_unanimous_signs_are_as_rare_as_they_can_be(self):
        self.assertAlmostEqual(compare.sign_test([1, 1, 1]), 0.25)
        self.assertAlmostEqual(compare.sign_test([-1] * 5), 0.0625)

    def test_balanced_signs_tell_nothing(self):
        self.assertEqual(compare.sign_test([1, -1, 1, -1]), 1.0)

    def test_zeros_do_not_count(self):
        self.assertAlmostEqual(compare.sign_test([0, 1, 0, 1, 1]), 0.25)
        self.assertEqual(compare.sign_test([0, 0]), 1.0)
        self.assertEqual(compare.sign_test([]), 1.0)


class Judge(unittest.TestCase):
    def test_a_clear_gain_moved(self):
        found = compare.judge([(100, 130), (101, 128), (99, 131), (102, 133), (98, 126)])
        self.assertTrue(found["moved"])
        self.assertAlmostEqual(found["ratio"], 1.3, delta=0.01)
        self.assertLessEqual(found["lowest"], found["ratio"])
        self.assertGreaterEqual(found["highest"], found["ratio"])

    def test_noise_around_one_did_not_move(self):
        self.assertFalse(compare.judge([(100, 104), (100, 97), (100, 101), (100, 99), (100, 103)])["moved"])

    def test_noise_that_all_pairs_share_cancels(self):
        """The machine is three times slower in some pairs; each pair still shows the same 10 %."""
        found = compare.judge([(300, 330), (100, 110), (310, 342), (95, 104), (220, 242)])
        self.assertTrue(found["moved"])
        self.assertAlmostEqual(found["ratio"], 1.1, delta=0.01)

    def test_one_dissenting_pair_of_five_is_noise(self):
        self.assertFalse(compare.judge([(100, 120), (100, 121), (100, 119), (100, 95), (100, 118)])["moved"])

    def test_agreeing_signs_within_the_spread_are_noise(self):
        self.assertFalse(compare.judge([(100, 103), (100, 140), (100, 105), (100, 170), (100, 110)])["moved"])

    def test_less_than_the_floor_is_as_before(self):
        self.assertFalse(compare.judge([(1000, 1010), (1000, 1011), (1000, 1009), (1000, 1010), (1000, 1010)])["moved"])

    def test_equal_sides_and_few_pairs(self):
        self.assertFalse(compare.judge([(5, 5)] * 5)["moved"])
        self.assertFalse(compare.judge([(100, 200), (100, 201)])["moved"])
        self.assertTrue(compare.judge([(100, 200), (100, 201), (100, 199)])["moved"])

    def test_zeros_cannot_be_compared(self):
        found = compare.judge([(0, 1), (1, 0), (0, 0)])
        self.assertIsNone(found["ratio"])
        self.assertFalse(found["moved"])
        self.assertIn("no pair", compare.line("create", "ms", found))

    def test_swapping_the_sides_inverts_the_ratio(self):
        pairs = [(100, 130), (101, 128), (99, 131)]
        there, back = compare.judge(pairs), compare.judge([(new, base) for base, new in pairs])
        self.assertAlmostEqual(there["ratio"] * back["ratio"], 1, places=3)


class Line(unittest.TestCase):
    def test_more_is_better_only_for_rates(self):
        slower = compare.judge([(100, 150)] * 5)
        self.assertTrue(compare.line("create p50", "ms", slower).startswith("WORSE"))
        self.assertTrue(compare.line("create rate", "records/s", slower).startswith("BETTER"))
        self.assertTrue(compare.line("create", "us/call", compare.judge([(1, 1)] * 5)).startswith("as before"))


if __name__ == "__main__":
    unittest.main()
