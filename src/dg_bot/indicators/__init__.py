"""Indicators: numpy arrays in, arrays of the same length out; NaN during warm-up, no state, no look-ahead."""
