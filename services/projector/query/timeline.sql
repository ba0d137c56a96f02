-- name: complete
-- The entries of one message that lie before a moment and id, newest first: every request, as it came. $6 is whether
-- interactions are told.
select *
from (
    (
        select
            event_id, kind, null as type, ref, item, occurred_at, recorded_at, agent, rule, human, method, edge,
            user_agent, network, language, null as author, null::bigint as returns_at, null::boolean as permanent,
            null as status, 1 as requests
        from interaction
        where $6 and tenant = $1 and message_id = $2 and (occurred_at, event_id) < ($3::bigint, $4::uuid)
        order by occurred_at desc, event_id desc
        limit $5
    )
    union all
    (
        select
            event_id, null::smallint, case when type = 'reply' and author = 'sender' then 'reply_of_sender' else type end, ref, null::integer,
            occurred_at, null::bigint, null, rule, human, null, null, null, null, null, author, returns_at, permanent,
            status, null::integer
        from correspondence
        where tenant = $1 and message_id = $2 and (occurred_at, event_id) < ($3::bigint, $4::uuid)
            and ($6 or type <> 'reply')
        order by occurred_at desc, event_id desc
        limit $5
    )
) entries
order by occurred_at desc, event_id desc
limit $5;

-- name: summary
-- The first and the last entry of each type of one message, people's and machines' apart. The requests that are one view of
-- a file are one entry, of which a person's first request stands for all. $3 is whether interactions are told.
with hits as (
    select *, 1::bigint as place, 1::bigint as requests
    from interaction
    where $3 and tenant = $1 and message_id = $2 and kind <> 3
    union all
    select *, row_number() over (one_view order by human desc, occurred_at, event_id), count(*) over one_view
    from interaction
    where $3 and tenant = $1 and message_id = $2 and kind = 3
    window one_view as (partition by item, ref, network, user_agent, occurred_at / 600000000)
),
entries as (
    select
        event_id, kind, null as type, ref, item, occurred_at, recorded_at, agent, rule, human, method, edge, user_agent,
        network, language, null as author, null::bigint as returns_at, null::boolean as permanent, null as status,
        requests
    from hits
    where place = 1
    union all
    select
        event_id, null::smallint, case when type = 'reply' and author = 'sender' then 'reply_of_sender' else type end, ref, null::integer,
        occurred_at, null::bigint, null, rule, human, null, null, null, null, null, author, returns_at, permanent, status,
        null::bigint
    from correspondence
    where tenant = $1 and message_id = $2 and ($3 or type <> 'reply')
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
