-- name: known
-- Which of some facts are remembered as stated, by the place of each in the arrays.
select fact.place
from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::smallint[]) with ordinality
    as fact (tenant, message_id, ref, type, ordinal, place)
join first_fact known using (tenant, message_id, ref, type, ordinal);

-- name: remember
-- Remembers facts as stated; what is remembered already stays as it is.
insert into first_fact (tenant, message_id, ref, type, ordinal, event_id, occurred_at)
select tenant, message_id, ref, type, ordinal, event_id, occurred_at
from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::uuid[], $7::bigint[])
    as fact (tenant, message_id, ref, type, ordinal, event_id, occurred_at)
order by tenant, message_id, ref, type, ordinal
on conflict do nothing;

-- name: waiting
-- How many facts of a lane wait to be published.
select count(*) from outbox where lane = $1;

-- name: published
-- Takes facts out of the outbox that are in the topic already, by their ids. $1 is their lane.
delete from outbox where lane = $1 and headers ->> 'ce_id' = any($2::text[]);
