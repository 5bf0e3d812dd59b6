"""The program as a process, against a simulated venue over HTTP and a real database."""

import pytest

pytest.register_assert_rewrite("tests.e2e.tape_checks")
