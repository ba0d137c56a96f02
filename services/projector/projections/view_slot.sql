-- name: fold
-- Requests of one file by one reader, from one network and program within ten minutes of the clock, are one view: it counts
-- once its first request is folded, and as a person's once its first of a person is. One of its new requests carries that
-- on to the other read models; firsts and lasts are of every request.
with seen as (
    select
        tenant, message_id, item, coalesce(ref, '') as ref, visitor, occurred_at / 600000000 as slot,
        bool_or(human) as human, (array_agg(event_id order by event_id))[1] as event_id
    from staged_fresh
    where kind = 3
    group by 1, 2, 3, 4, 5, 6
),
changed as (
    insert into view_slot as v (tenant, message_id, item, ref, visitor, slot, human)
    select tenant, message_id, item, ref, visitor, slot, human
    from seen
    order by tenant, message_id, item, ref, visitor, slot
    on conflict (tenant, message_id, item, ref, visitor, slot) do update set human = true
    where excluded.human and not v.human
    returning
        new.tenant, new.message_id, new.item, new.ref, new.visitor, new.slot,
        (old.human is null)::int as views,
        new.human::int - coalesce(old.human::int, 0) as human_views
)
update staged_fresh f
set views = c.views, human_views = c.human_views
from changed c join seen using (tenant, message_id, item, ref, visitor, slot)
where f.event_id = seen.event_id;

-- name: forget
-- Slots into which no hit can fall any more, some at a time. $1 is the first slot to keep, $2 how many at most.
delete from view_slot
where ctid = any(array(select ctid from view_slot where slot < $1 limit $2));
