-- name: state_firsts
-- A person's first interaction of each type with a prepared message, by recipient, is stated once; within a slice the
-- earliest is it. What came before its message was prepared is stated when that is. Returns what is to be published.
with candidate as materialized (
    select distinct on (tenant, message_id, coalesce(ref, ''), kind)
        tenant, message_id, coalesce(ref, '') as ref, kind, item, event_id, occurred_at,
        (array[
            'message.first_opened', 'message.first_clicked', 'message.first_attachment_viewed', 'message.first_replied'
        ])[kind] as type
    from (
        select tenant, message_id, ref, kind, item, event_id, occurred_at, human
        from staged_fresh join staged_owned using (tenant, message_id)
        union all
        select tenant, message_id, ref, kind, item, event_id, occurred_at, human
        from staged_earlier
    ) known
    where human
    order by tenant, message_id, coalesce(ref, ''), kind, occurred_at, event_id
),
stated as (
    insert into first_fact (tenant, message_id, ref, type, ordinal, event_id, occurred_at)
    select tenant, message_id, ref, type, 1, event_id, occurred_at
    from candidate
    order by tenant, message_id, ref, type
    on conflict do nothing
    returning tenant, message_id, ref, type
)
select tenant, message_id, ref, kind, item, event_id, occurred_at
from stated join candidate using (tenant, message_id, ref, type)
order by occurred_at, event_id;
