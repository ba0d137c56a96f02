-- name: lanes
-- Every lane of a consumer, as it stands.
select topic, partition, epoch, next_offset, topic_id, halted, halted_detail,
       case when lease_until > clock_timestamp() then owner end as owner,
       (extract(epoch from halted_at) * 1000000)::bigint as halted_at,
       extract(epoch from clock_timestamp() - read_to)::double precision as behind
from checkpoint
where consumer = $1
order by topic, partition;

-- name: lock
-- One lane, locked against its worker and against other operators.
select next_offset, anchor, halted, topic_id from checkpoint
where consumer = $1 and topic = $2 and partition = $3
for update;

-- name: stand
-- One lane, as it stands.
select next_offset, anchor, halted, topic_id from checkpoint
where consumer = $1 and topic = $2 and partition = $3;

-- name: halt
-- Stops a lane that is not halted.
update checkpoint set halted = $4, halted_detail = $5, halted_at = clock_timestamp()
where consumer = $1 and topic = $2 and partition = $3 and halted is null;

-- name: relabel
-- Says otherwise why a lane is halted.
update checkpoint set halted = $4, halted_detail = $5
where consumer = $1 and topic = $2 and partition = $3;

-- name: go_on
-- Lets a lane go on where it stands; whoever claims it anew checks everything again.
update checkpoint set halted = null, halted_detail = null, halted_at = null
where consumer = $1 and topic = $2 and partition = $3;

-- name: go_on_at
-- Lets a lane go on elsewhere, of whatever topic bears its name now; the anchor is of the record before.
update checkpoint
set halted = null, halted_detail = null, halted_at = null, next_offset = $4, anchor = $5, topic_id = null
where consumer = $1 and topic = $2 and partition = $3;

-- name: pass_over
-- Keeps for ever what was never folded.
insert into gap (consumer, topic, partition, from_offset, to_offset, reason, made_by)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: gaps
-- What was never folded, the latest first.
select topic, partition, from_offset, to_offset, reason, made_by,
       (extract(epoch from made_at) * 1000000)::bigint as made_at
from gap
where consumer = $1 and ($2::text is null or (topic = $2 and partition = $3))
order by id desc;

-- name: passed_over
-- How many records were never folded.
select coalesce(sum(to_offset - from_offset), 0)::bigint from gap where consumer = $1;

-- name: waiting
-- How many records wait in quarantine, by reason.
select reason, count(*) as records from quarantine where state = 0 group by reason;

-- name: unheld
-- Lanes that nobody holds, halted ones too.
select topic, partition from checkpoint
where consumer = $1 and (owner is null or lease_until is null or lease_until < clock_timestamp());
