"""From a plan to orders: liquidity, planning, and the life of one intent."""
