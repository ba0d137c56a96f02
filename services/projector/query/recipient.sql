-- name: person
-- Who the refs stand for, by the latest mail that still names them, else by the latest. $1 tenant, $2 refs, $3 owner or null.
select r.ref, r.kind, r.time_zone, named.one
from recipient r
join message m on m.tenant = r.tenant and m.message_id = r.message_id
left join personal p on p.tenant = r.tenant and p.message_id = r.message_id
left join lateral (
    select one
    from jsonb_array_elements(p.body -> 'recipients') one
    where one ->> 'ref' = r.ref
    limit 1
) named on true
where r.tenant = $1 and r.ref = any($2::text[]) and r.position is not null
    and m.prepared_at is not null and ($3::text is null or m.owner = $3)
order by named.one is null, m.sent_at desc nulls last, m.message_id desc
limit 1;

-- name: totals
-- What became of all mails to the refs, as far as it was these who did it. $1 tenant, $2 refs, $3 owner or null.
select
    count(*) as email_count,
    count(*) filter (where r.followed) as followed_count,
    count(*) filter (where r.followed and r.opens > 0) as opened_count,
    count(*) filter (where r.followed and r.human_opens > 0) as human_opened_count,
    count(*) filter (where r.followed and r.clicks > 0) as clicked_count,
    count(*) filter (where r.followed and r.human_clicks > 0) as human_clicked_count,
    count(*) filter (where r.followed and r.attachment_views > 0) as viewed_count,
    count(*) filter (where r.followed and r.human_attachment_views > 0) as human_viewed_count,
    count(*) filter (where r.followed and r.replies > 0) as replied_count,
    count(*) filter (where r.followed and r.human_replies > 0) as human_replied_count,
    coalesce(sum(r.opens) filter (where r.followed), 0)::bigint as opens,
    min(r.first_opened_at) filter (where r.followed) as first_opened_at,
    max(r.last_opened_at) filter (where r.followed) as last_opened_at,
    coalesce(sum(r.human_opens) filter (where r.followed), 0)::bigint as human_opens,
    min(r.human_first_opened_at) filter (where r.followed) as human_first_opened_at,
    max(r.human_last_opened_at) filter (where r.followed) as human_last_opened_at,
    coalesce(sum(r.clicks) filter (where r.followed), 0)::bigint as clicks,
    min(r.first_clicked_at) filter (where r.followed) as first_clicked_at,
    max(r.last_clicked_at) filter (where r.followed) as last_clicked_at,
    coalesce(sum(r.human_clicks) filter (where r.followed), 0)::bigint as human_clicks,
    min(r.human_first_clicked_at) filter (where r.followed) as human_first_clicked_at,
    max(r.human_last_clicked_at) filter (where r.followed) as human_last_clicked_at,
    coalesce(sum(r.attachment_views) filter (where r.followed), 0)::bigint as attachment_views,
    min(r.first_attachment_viewed_at) filter (where r.followed) as first_attachment_viewed_at,
    max(r.last_attachment_viewed_at) filter (where r.followed) as last_attachment_viewed_at,
    coalesce(sum(r.human_attachment_views) filter (where r.followed), 0)::bigint as human_attachment_views,
    min(r.human_first_attachment_viewed_at) filter (where r.followed) as human_first_attachment_viewed_at,
    max(r.human_last_attachment_viewed_at) filter (where r.followed) as human_last_attachment_viewed_at,
    coalesce(sum(r.replies) filter (where r.followed), 0)::bigint as replies,
    min(r.first_replied_at) filter (where r.followed) as first_replied_at,
    max(r.last_replied_at) filter (where r.followed) as last_replied_at,
    coalesce(sum(r.human_replies) filter (where r.followed), 0)::bigint as human_replies,
    min(r.human_first_replied_at) filter (where r.followed) as human_first_replied_at,
    max(r.human_last_replied_at) filter (where r.followed) as human_last_replied_at,
    count(*) filter (where r.followed and r.human_clicks + r.human_attachment_views + r.human_replies > 0) as reacted_count,
    count(*) filter (
        where r.followed and r.human_clicks + r.human_attachment_views + r.human_replies > 0 and r.opens = 0
    ) as reacted_unopened_count
from recipient r join message m on m.tenant = r.tenant and m.message_id = r.message_id
where r.tenant = $1 and r.ref = any($2::text[]) and r.position is not null
    and m.prepared_at is not null and ($3::text is null or m.owner = $3);

-- name: rules
-- By which rules the refs' opens were judged, in the latest so many mails to them. $1 tenant, $2 refs, $3 owner or null, $4
-- how many mails.
with latest as materialized (
    select r.message_id, r.ref
    from recipient r join message m on m.tenant = r.tenant and m.message_id = r.message_id
    where r.tenant = $1 and r.ref = any($2::text[]) and r.followed and r.opens > 0
        and m.prepared_at is not null and ($3::text is null or m.owner = $3)
    order by m.sent_at desc nulls last, m.message_id desc
    limit $4
)
select agent, rule, human, count(*) as opens
from latest l
cross join lateral (
    select i.agent, i.rule, i.human
    from interaction i
    where i.tenant = $1 and i.message_id = l.message_id and i.ref = l.ref and i.kind = 1
    offset 0  -- mail by mail, never the whole history
) opened
group by agent, rule, human
order by opens desc, rule;

-- name: history
-- One page of the mails to a person, with what became of each as far as it was this one who did it.
select
    {key} as sort_key,
    {tie} as sort_tie,
    m.message_id, m.owner, m.regarding, m.sent_at, m.scheduled_at, m.cancelled_at,
    (select p.subject from personal p where p.tenant = m.tenant and p.message_id = m.message_id) as subject,
    (
        select min(c.occurred_at)
        from correspondence c
        where c.tenant = m.tenant and c.message_id = m.message_id and c.type = 'bounce' and c.permanent
            and (c.ref is null or c.ref = r.ref)
    ) as bounced_at,
    r.ref, r.field, r.followed, r.reason,
    r.opens, r.first_opened_at, r.last_opened_at,
    r.human_opens, r.human_first_opened_at, r.human_last_opened_at,
    r.clicks, r.first_clicked_at, r.last_clicked_at,
    r.human_clicks, r.human_first_clicked_at, r.human_last_clicked_at,
    r.attachment_views, r.first_attachment_viewed_at, r.last_attachment_viewed_at,
    r.human_attachment_views, r.human_first_attachment_viewed_at, r.human_last_attachment_viewed_at,
    r.replies, r.first_replied_at, r.last_replied_at,
    r.human_replies, r.human_first_replied_at, r.human_last_replied_at
from message m join recipient r on r.tenant = m.tenant and r.message_id = m.message_id
where {where}
order by {order}
limit {limit};

-- name: where_refs
-- Mails to one of the refs.
r.position is not null and r.ref = any({0}::text[]);
