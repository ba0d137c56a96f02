-- name: as_of
-- A moment before which everything that had been folded is in what this transaction reads.
select (extract(epoch from transaction_timestamp()) * 1000000)::bigint;
