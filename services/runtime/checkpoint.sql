-- name: see_worker
-- Says that a worker is alive; the server's clock decides for how long.
insert into worker (id) values ($1)
on conflict (id) do update set seen_at = clock_timestamp();

-- name: forget_worker
-- Takes a worker that stops off the list, with those of its consumer that died long ago.
delete from worker
where id = $1 or (starts_with(id, $2 || '/') and seen_at < clock_timestamp() - interval '1 day');

-- name: workers
-- The consumer's workers that were seen within the last ten seconds.
select id from worker
where starts_with(id, $1 || '/') and seen_at > clock_timestamp() - interval '10 s';

-- name: add
-- Gives lanes that are new their checkpoint, not begun.
insert into checkpoint (consumer, topic, partition)
select $1, lane.topic, lane.partition
from unnest($2::text[], $3::integer[]) as lane (topic, partition)
on conflict do nothing;

-- name: owners
-- Every lane of the consumer with whoever holds a lease that has not run out.
select topic, partition,
       case when lease_until > clock_timestamp() then owner end as owner
from checkpoint
where consumer = $1;

-- name: claim
-- Takes the lanes among those named that are free or were the worker's own, each with a new epoch.
with free as (
    select topic, partition from checkpoint
    where consumer = $1
      and (topic, partition) in (
          select lane.topic, lane.partition
          from unnest($3::text[], $4::integer[]) as lane (topic, partition)
      )
      and (owner is null or owner = $2 or lease_until is null or lease_until < clock_timestamp())
    for update skip locked
)
update checkpoint as mine
set epoch = mine.epoch + 1, owner = $2, lease_until = clock_timestamp() + interval '10 s'
from free
where mine.consumer = $1 and mine.topic = free.topic and mine.partition = free.partition
returning mine.topic, mine.partition, mine.epoch, mine.next_offset, mine.anchor, mine.halted, mine.topic_id,
          extract(epoch from mine.read_to)::double precision as read_to;

-- name: begin
-- Stores where a lane that was never read begins.
update checkpoint set next_offset = $5
where consumer = $1 and topic = $2 and partition = $3 and epoch = $4 and next_offset is null;

-- name: recognise
-- Remembers which topic a lane is of, by Kafka's id of it.
update checkpoint set topic_id = $5
where consumer = $1 and topic = $2 and partition = $3 and epoch = $4;

-- name: renew
-- Prolongs the leases that are still the worker's and returns their lanes. Those that were at their end so many seconds
-- ago are read up to then.
update checkpoint as mine
set lease_until = clock_timestamp() + interval '10 s',
    read_to = case
        when held.current then greatest(mine.read_to, clock_timestamp() - make_interval(secs => $6))
        else mine.read_to
    end
from unnest($2::text[], $3::integer[], $4::bigint[], $5::boolean[]) as held (topic, partition, epoch, current)
where mine.consumer = $1 and mine.topic = held.topic and mine.partition = held.partition
  and mine.epoch = held.epoch and mine.owner = $7
returning mine.topic, mine.partition, mine.halted;

-- name: release
-- Gives leases back; their epochs stay used up, since the next claim takes a higher one.
update checkpoint as mine
set owner = null, lease_until = null
from unnest($2::text[], $3::integer[], $4::bigint[]) as held (topic, partition, epoch)
where mine.consumer = $1 and mine.topic = held.topic and mine.partition = held.partition
  and mine.epoch = held.epoch;

-- name: lock
-- Locks the checkpoints of a slice's lanes for its length, in one order, so that two workers never wait in a circle.
select mine.topic, mine.partition, mine.epoch, mine.owner, mine.next_offset, mine.halted
from checkpoint as mine
join unnest($2::text[], $3::integer[]) as lane (topic, partition)
    on mine.topic = lane.topic and mine.partition = lane.partition
where mine.consumer = $1
order by mine.topic, mine.partition
for update of mine;

-- name: advance
-- Moves the checkpoints past a slice and prolongs their leases. A lane's last record was appended after it was produced,
-- so what had been acknowledged by then lies before it.
update checkpoint as mine
set next_offset = past.next_offset, anchor = past.anchor, lease_until = clock_timestamp() + interval '10 s',
    read_to = greatest(mine.read_to, least(clock_timestamp(), to_timestamp(past.milliseconds / 1000)))
from unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bytea[], $7::double precision[])
    as past (topic, partition, epoch, next_offset, anchor, milliseconds)
where mine.consumer = $1 and mine.topic = past.topic and mine.partition = past.partition and mine.epoch = past.epoch;

-- name: halt
-- Stops a lane, for every worker, until an operator clears the reason.
update checkpoint set halted = $5, halted_detail = $6, halted_at = clock_timestamp()
where consumer = $1 and topic = $2 and partition = $3 and epoch = $4;

-- name: read_to
-- The moment before which everything acknowledged is folded, in all lanes of the consumer; null while one was never read.
select (extract(epoch from min(read_to)) * 1000000)::bigint
from checkpoint
where consumer = $1
having count(read_to) = count(*);

-- name: end_stuck
-- Ends sessions like this one that have been sending a statement for longer than any may take: whoever sends has stopped,
-- and while PostgreSQL waits for the rest of a COPY none of its own limits holds.
select pg_terminate_backend(pid) from pg_stat_activity
where usename = current_user and datname = current_database()
  and application_name = current_setting('application_name') and pid <> pg_backend_pid()
  and state = 'active' and wait_event = 'ClientRead' and query_start < clock_timestamp() - interval '10 s';
