ALTER TABLE cycles
    ADD COLUMN capsule_file text,
    ADD COLUMN capsule_sha256 text,
    ADD COLUMN capsule_bytes integer;
COMMENT ON COLUMN cycles.reason IS 'Why the cycle ended as it did, in words: the first gate that did not pass, where there is one.';
COMMENT ON COLUMN cycles.capsule_file IS 'Below DATA_DIR/state/capsules; recompute it with scripts/replay.py.';
