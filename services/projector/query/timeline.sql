-- name: complete
-- The entries of one message that lie before a moment and id, newest first.
select *
from (
    (
        select
            event_id, kind, null as type, ref, item, occurred_at, recorded_at, agent, rule, human, method, edge,
            user_agent, network, language, null as author, null::bigint as returns_at, null::boolean as permanent,
            null as status
        from interaction
        where tenant = $1 and message_id = $2 and (occurred_at, event_id) < ($3::bigint, $4::uuid)
        order by occurred_at desc, event_id desc
        limit $5
    )
    union all
    (
        select
            event_id, null::smallint, case when type = 'reply' and author = 'sender' then 'reply_of_sender' else type end, ref, null::integer,
            occurred_at, null::bigint, null, rule, human, null, null, null, null, null, author, returns_at, permanent,
            status
        from correspondence
        where tenant = $1 and message_id = $2 and (occurred_at, event_id) < ($3::bigint, $4::uuid)
        order by occurred_at desc, event_id desc
        limit $5
    )
) entries
order by occurred_at desc, event_id desc
limit $5;

-- name: summary
-- The first and the last entry of each type of one message, people's and machines' apart.
with entries as (
    select
        event_id, kind, null as type, ref, item, occurred_at, recorded_at, agent, rule, human, method, edge, user_agent,
        network, language, null as author, null::bigint as returns_at, null::boolean as permanent, null as status
    from interaction
    where tenant = $1 and message_id = $2
    union all
    select
        event_id, null::smallint, case when type = 'reply' and author = 'sender' then 'reply_of_sender' else type end, ref, null::integer,
        occurred_at, null::bigint, null, rule, human, null, null, null, null, null, author, returns_at, permanent, status
    from correspondence
    where tenant = $1 and message_id = $2
),
numbered as (
    select
        *,
        row_number() over (partition by kind, type, human order by occurred_at, event_id) as number,
        count(*) over (partition by kind, type, human) as total
    from entries
)
select *
from numbered
where number in (1, total)
order by occurred_at desc, event_id desc;
