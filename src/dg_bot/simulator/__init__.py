"""A venue on this machine that speaks Upbit's protocol and keeps a truth of its own."""
