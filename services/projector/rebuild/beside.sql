-- name: create
-- What is known of the generation beside: one row, gone when it is dropped. vector is where both stood when they changed
-- places, models which tables did.
create table projector_beside.generation (
    one         boolean primary key default true check (one),
    begun_at    timestamptz not null default clock_timestamp(),
    indexed_at  timestamptz,
    switched_at timestamptz,
    kept_until  timestamptz,
    models      text[],
    vector      jsonb
);
insert into projector_beside.generation default values;

-- name: there
-- Whether there is a generation beside.
select to_regclass('projector_beside.generation') is not null;

-- name: schemas
-- Whether the schemas are there that a rebuild needs.
select to_regnamespace('projector_beside') is not null and to_regnamespace('projector_between') is not null;

-- name: state
-- What is known of it, with whether its time is up.
select begun_at, indexed_at, switched_at, kept_until, models, coalesce(kept_until < clock_timestamp(), false) as outdated
from projector_beside.generation;

-- name: indexed
-- Notes that it has all its indexes.
update projector_beside.generation set indexed_at = clock_timestamp();

-- name: switched
-- Notes that tables changed places: $1 which, $2 where both stood, as JSON, $3 for how many seconds the old are kept.
update projector_beside.generation
set switched_at = clock_timestamp(), kept_until = clock_timestamp() + make_interval(secs => $3), models = $1,
    vector = $2::text::jsonb;

-- name: taken_back
-- Notes that they changed places again.
update projector_beside.generation set switched_at = null, kept_until = null, models = null, vector = $1::text::jsonb;

-- name: free
-- Frees the lanes of whoever was building before, so that nobody waits for a lease of the dead to run out; a new claim
-- takes a new epoch, and with it whoever was not dead after all is fenced.
update projector_beside.checkpoint set owner = null, lease_until = null, epoch = epoch + 1;

-- name: resume
-- Lets lanes that were halted be tried again.
update projector_beside.checkpoint set halted = null where halted is not null;

-- name: offsets
-- Where live and beside stand, lane by lane. $1 is live's consumer, $2 the one beside.
select live.topic, live.partition, live.next_offset as live, mine.next_offset as beside, mine.halted,
       case when live.lease_until > clock_timestamp() then extract(epoch from clock_timestamp() - live.read_to)::float end as age
from projector.checkpoint live
left join projector_beside.checkpoint mine
    on mine.topic = live.topic and mine.partition = live.partition and mine.consumer = $2
where live.consumer = $1
order by 1, 2;

-- name: refused
-- What was left out while building, by reason.
select reason, count(*) as records from projector_beside.quarantine group by 1 order by 1;

-- name: size
-- How many bytes the tables beside take.
select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint
from pg_class where relnamespace = to_regnamespace('projector_beside') and relkind = 'r';

-- name: hold
-- Locks live's checkpoints, in the order in which slices do, and says where they are. $1 is the consumer.
select topic, partition, next_offset
from projector.checkpoint
where consumer = $1
order by topic, partition
for update;

-- name: claim
-- Only one process at a time has to do with what is beside: true when it is this one now. It ends with the connection.
select pg_try_advisory_lock(hashtext('inkling'), hashtext('projector.rebuild'));

-- name: set_aside
-- What live has set aside from a moment on, folded since or not. $1 is that moment.
select topic, partition, record_offset, first_at
from projector.quarantine
where first_at >= $1;

-- name: redriven
-- What live has folded out of the quarantine. $1 are the topics, $2 since when.
select topic, partition, record_offset, key, headers, value, timestamp_ms, changed_at
from projector.quarantine
where state = 1 and topic = any($1) and coalesce(changed_at, 0) >= $2
order by topic, partition, record_offset;

-- name: alone
-- Locks every lane beside, in the order in which slices do. $1 is the consumer.
select from projector_beside.checkpoint where consumer = $1 order by topic, partition for update;

-- name: pass_over
-- Lanes that stand still beside where an operator has had live pass over records do so too. $1 is live's consumer, $2 the
-- one beside.
update projector_beside.checkpoint mine
set next_offset = gap.to_offset, anchor = null, halted = null, owner = null, lease_until = null, epoch = mine.epoch + 1
from projector.gap gap
where gap.consumer = $1 and mine.consumer = $2 and mine.topic = gap.topic and mine.partition = gap.partition
  and mine.halted is not null and mine.next_offset >= gap.from_offset and mine.next_offset < gap.to_offset
returning mine.topic, mine.partition, gap.to_offset;
