ALTER TABLE cycles ADD COLUMN capsule bytea;
-- It is compressed already.
ALTER TABLE cycles ALTER COLUMN capsule SET STORAGE EXTERNAL;
COMMENT ON COLUMN cycles.capsule IS 'The bytes of capsule_file (gzipped JSON) with the hash capsule_sha256; null where the file was gone or altered.';
