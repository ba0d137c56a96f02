-- name: days
-- An owner's or everybody's days, added up over the lanes. $1 tenant, $2 first day, $3 day after the last, $4 and $5 owners
-- or null.
select
    day as period,
    sum(emails)::bigint as email_count,
    sum(followed_emails)::bigint as followed_count,
    sum(opened_emails)::bigint as opened_count,
    sum(human_opened_emails)::bigint as human_opened_count,
    sum(clicked_emails)::bigint as clicked_count,
    sum(human_clicked_emails)::bigint as human_clicked_count,
    sum(viewed_emails)::bigint as viewed_count,
    sum(human_viewed_emails)::bigint as human_viewed_count,
    sum(replied_emails)::bigint as replied_count,
    sum(human_replied_emails)::bigint as human_replied_count,
    sum(opens)::bigint as opens, min(first_opened_at) as first_opened_at, max(last_opened_at) as last_opened_at,
    sum(human_opens)::bigint as human_opens, min(human_first_opened_at) as human_first_opened_at, max(human_last_opened_at) as human_last_opened_at,
    sum(clicks)::bigint as clicks, min(first_clicked_at) as first_clicked_at, max(last_clicked_at) as last_clicked_at,
    sum(human_clicks)::bigint as human_clicks, min(human_first_clicked_at) as human_first_clicked_at, max(human_last_clicked_at) as human_last_clicked_at,
    sum(attachment_views)::bigint as attachment_views, min(first_attachment_viewed_at) as first_attachment_viewed_at, max(last_attachment_viewed_at) as last_attachment_viewed_at,
    sum(human_attachment_views)::bigint as human_attachment_views, min(human_first_attachment_viewed_at) as human_first_attachment_viewed_at, max(human_last_attachment_viewed_at) as human_last_attachment_viewed_at,
    sum(replies)::bigint as replies, min(first_replied_at) as first_replied_at, max(last_replied_at) as last_replied_at,
    sum(human_replies)::bigint as human_replies, min(human_first_replied_at) as human_first_replied_at, max(human_last_replied_at) as human_last_replied_at
from tenant_day
where tenant = $1 and day >= $2 and day < $3
    and ($4::text is null or owner = $4) and ($5::text is null or owner = $5)
group by day;

-- name: hours
-- An owner's or everybody's hours of the week, added up over the lanes. $1 tenant, $2 and $3 owners or null.
select
    hour as period,
    sum(opens)::bigint as opens, min(first_opened_at) as first_opened_at, max(last_opened_at) as last_opened_at,
    sum(human_opens)::bigint as human_opens, min(human_first_opened_at) as human_first_opened_at, max(human_last_opened_at) as human_last_opened_at,
    sum(clicks)::bigint as clicks, min(first_clicked_at) as first_clicked_at, max(last_clicked_at) as last_clicked_at,
    sum(human_clicks)::bigint as human_clicks, min(human_first_clicked_at) as human_first_clicked_at, max(human_last_clicked_at) as human_last_clicked_at,
    sum(attachment_views)::bigint as attachment_views, min(first_attachment_viewed_at) as first_attachment_viewed_at, max(last_attachment_viewed_at) as last_attachment_viewed_at,
    sum(human_attachment_views)::bigint as human_attachment_views, min(human_first_attachment_viewed_at) as human_first_attachment_viewed_at, max(human_last_attachment_viewed_at) as human_last_attachment_viewed_at,
    sum(replies)::bigint as replies, min(first_replied_at) as first_replied_at, max(last_replied_at) as last_replied_at,
    sum(human_replies)::bigint as human_replies, min(human_first_replied_at) as human_first_replied_at, max(human_last_replied_at) as human_last_replied_at
from hour_of_week
where tenant = $1 and ($2::text is null or owner = $2) and ($3::text is null or owner = $3)
group by hour;

-- name: of_messages
-- The mails of a filter, with what became of each.
select
    m.message_id, null as ref, m.sent_at, m.followed,
    m.opens, m.human_opens, m.clicks, m.human_clicks,
    m.attachment_views, m.human_attachment_views, m.replies, m.human_replies
from message m
where {where};

-- name: of_people
-- The mails of a filter to some refs, with what became of each by these.
select
    m.message_id, r.ref, m.sent_at, r.followed,
    r.opens, r.human_opens, r.clicks, r.human_clicks,
    r.attachment_views, r.human_attachment_views, r.replies, r.human_replies
from message m join recipient r on r.tenant = m.tenant and r.message_id = m.message_id
where {where} and r.position is not null and r.ref = any({refs}::text[]);

-- name: cohort
-- By the day on which they were sent, how many of the chosen mails there were, and what became of the followed ones.
with chosen as ({chosen})
select
    date '1970-01-01' + (sent_at / 86400000000)::integer as period,
    count(*) as email_count,
    count(*) filter (where followed) as followed_count,
    count(*) filter (where followed and opens > 0) as opened_count,
    count(*) filter (where followed and human_opens > 0) as human_opened_count,
    count(*) filter (where followed and clicks > 0) as clicked_count,
    count(*) filter (where followed and human_clicks > 0) as human_clicked_count,
    count(*) filter (where followed and attachment_views > 0) as viewed_count,
    count(*) filter (where followed and human_attachment_views > 0) as human_viewed_count,
    count(*) filter (where followed and replies > 0) as replied_count,
    count(*) filter (where followed and human_replies > 0) as human_replied_count
from chosen
where sent_at >= {first} and sent_at < {last}
group by 1;

-- name: activity
-- By a period, what happened to the chosen mails that are followed, or to their chosen readers' copies; from the history.
-- The range of event ids leaves out the days that cannot hold any of it.
with chosen as materialized ({chosen}),
asked as materialized (
    select c.message_id, hit.*
    from chosen c
    cross join lateral (
        select i.ref, i.kind, i.item, i.network, i.user_agent, i.occurred_at, i.human, i.event_id
        from interaction i
        where i.tenant = {tenant} and i.message_id = c.message_id and (c.ref is null or i.ref = c.ref)
            and i.occurred_at >= {first} and i.occurred_at < {last}
            and i.event_id >= {first_id} and i.event_id < {last_id}
        offset 0  -- mail by mail, never the whole history
    ) hit
    where c.followed
),
counted as (
    select kind, occurred_at, human, 1 as place
    from asked
    where kind <> 3
    union all
    select
        kind, occurred_at, human,
        row_number() over (
            partition by message_id, item, ref, network, user_agent, occurred_at / 600000000
            order by human desc, event_id
        )
    from asked
    where kind = 3
    union all
    select 4, c.occurred_at, c.human, 1
    from chosen m join correspondence c on c.tenant = {tenant} and c.message_id = m.message_id
    where m.followed and (m.ref is null or c.ref = m.ref)
        and c.type = 'reply' and c.author <> 'sender' and not c.set_aside
        and c.occurred_at >= {first} and c.occurred_at < {last}
)
select
    {period} as period,
    count(*) filter (where kind = 1) as opens,
    min(occurred_at) filter (where kind = 1) as first_opened_at,
    max(occurred_at) filter (where kind = 1) as last_opened_at,
    count(*) filter (where kind = 1 and human) as human_opens,
    min(occurred_at) filter (where kind = 1 and human) as human_first_opened_at,
    max(occurred_at) filter (where kind = 1 and human) as human_last_opened_at,
    count(*) filter (where kind = 2) as clicks,
    min(occurred_at) filter (where kind = 2) as first_clicked_at,
    max(occurred_at) filter (where kind = 2) as last_clicked_at,
    count(*) filter (where kind = 2 and human) as human_clicks,
    min(occurred_at) filter (where kind = 2 and human) as human_first_clicked_at,
    max(occurred_at) filter (where kind = 2 and human) as human_last_clicked_at,
    count(*) filter (where kind = 3 and place = 1) as attachment_views,
    min(occurred_at) filter (where kind = 3) as first_attachment_viewed_at,
    max(occurred_at) filter (where kind = 3) as last_attachment_viewed_at,
    count(*) filter (where kind = 3 and human and place = 1) as human_attachment_views,
    min(occurred_at) filter (where kind = 3 and human) as human_first_attachment_viewed_at,
    max(occurred_at) filter (where kind = 3 and human) as human_last_attachment_viewed_at,
    count(*) filter (where kind = 4) as replies,
    min(occurred_at) filter (where kind = 4) as first_replied_at,
    max(occurred_at) filter (where kind = 4) as last_replied_at,
    count(*) filter (where kind = 4 and human) as human_replies,
    min(occurred_at) filter (where kind = 4 and human) as human_first_replied_at,
    max(occurred_at) filter (where kind = 4 and human) as human_last_replied_at
from counted
group by 1;

-- name: by_day
-- The day of an interaction, in UTC.
date '1970-01-01' + (occurred_at / 86400000000)::integer;

-- name: by_hour_of_week
-- The hour of the week of an interaction, in UTC, from Monday's first on; the epoch was a Thursday.
((occurred_at / 3600000000) + 72) % 168;

-- name: refs
-- The refs that stand for a person of the caller's, in mails that the caller may see. $3 is the owner or null.
select distinct p.ref
from person p join message m on m.tenant = p.tenant and m.message_id = p.message_id
where p.tenant = $1 and p.id = $2 and m.prepared_at is not null and ($3::text is null or m.owner = $3)
order by p.ref
limit $4;
