-- name: fold
-- Replies, bounces and complaints go into the history once, replies set aside; a permanent bounce and a complaint mark
-- their message. Returns the new ones by type.
with inserted as (
    insert into correspondence (
        event_id, tenant, message_id, ref, type, occurred_at, human, author, rule, returns_at, permanent, status, from_ref,
        set_aside
    )
    select
        event_id, tenant, message_id, ref, type, occurred_at, human, author, rule, returns_at, permanent, status, from_ref,
        type = 'reply'
    from staged_correspondence
    order by event_id
    on conflict (event_id) do nothing
    returning tenant, message_id, type, occurred_at, permanent
),
marked as (
    insert into message as m (tenant, message_id, bounced_at, complained_at)
    select
        tenant, message_id,
        min(occurred_at) filter (where type = 'bounce' and permanent),
        min(occurred_at) filter (where type = 'complaint')
    from inserted
    group by tenant, message_id
    order by tenant, message_id
    on conflict (tenant, message_id) do update set
        bounced_at = least(m.bounced_at, excluded.bounced_at),
        complained_at = least(m.complained_at, excluded.complained_at)
)
select type, count(*) as fresh
from inserted
group by type;

-- name: settle
-- Replies set aside whose message is known by now get their author, by the message's refs, and the recipient they are of;
-- but for the sender's own, they go on to the other read models. Returns those by human and kind.
with named as (
    select
        c.event_id,
        case
            when c.from_ref is null then c.author
            when c.from_ref = m.sender_ref then 'sender'
            when r.ref is not null then 'recipient'
            else 'other'
        end as author,
        coalesce(r.ref, c.ref) as ref
    from correspondence c
    join message m on m.tenant = c.tenant and m.message_id = c.message_id
    left join recipient r
        on r.tenant = c.tenant and r.message_id = c.message_id and r.ref = c.from_ref and r.position is not null
    where
        c.set_aside
        and m.prepared_at is not null
        and (c.tenant, c.message_id) in (
            select tenant, message_id from staged_correspondence
            union all
            select tenant, message_id from staged_message
        )
),
settled as (
    update correspondence c
    set set_aside = false, author = named.author, ref = named.ref
    from named
    where c.event_id = named.event_id
    returning c.event_id, c.tenant, c.message_id, c.ref, c.occurred_at, c.human, c.author
),
fresh as (
    insert into staged_fresh (tenant, message_id, ref, kind, item, occurred_at, human, event_id)
    select tenant, message_id, ref, 4, null, occurred_at, human, event_id
    from settled
    where author <> 'sender'
)
select 4 as kind, human, count(*) as fresh
from settled
where author <> 'sender'
group by human;
