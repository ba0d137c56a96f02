-- name: fold
-- What changed in a template's followed mails is added to the lane's row of the template, which bears the name and version
-- of the mail prepared last. $1 is the lane.
insert into template as t (
    tenant, template_id, lane,
    name,
    version,
    named_at, emails, followed_emails,
    opened_emails, opens, first_opened_at, last_opened_at,
    human_opened_emails, human_opens, human_first_opened_at, human_last_opened_at,
    clicked_emails, clicks, first_clicked_at, last_clicked_at,
    human_clicked_emails, human_clicks, human_first_clicked_at, human_last_clicked_at,
    viewed_emails, attachment_views, first_attachment_viewed_at, last_attachment_viewed_at,
    human_viewed_emails, human_attachment_views, human_first_attachment_viewed_at, human_last_attachment_viewed_at,
    replied_emails, replies, first_replied_at, last_replied_at,
    human_replied_emails, human_replies, human_first_replied_at, human_last_replied_at
)
select
    tenant, template_id, $1::smallint,
    (array_agg(name order by named_at desc, coalesce(version, '') desc, coalesce(name, '') desc))[1],
    (array_agg(version order by named_at desc, coalesce(version, '') desc, coalesce(name, '') desc))[1],
    max(named_at), sum(emails), sum(followed_emails),
    sum(opened_emails), sum(opens), min(first_opened_at), max(last_opened_at),
    sum(human_opened_emails), sum(human_opens), min(human_first_opened_at), max(human_last_opened_at),
    sum(clicked_emails), sum(clicks), min(first_clicked_at), max(last_clicked_at),
    sum(human_clicked_emails), sum(human_clicks), min(human_first_clicked_at), max(human_last_clicked_at),
    sum(viewed_emails), sum(attachment_views), min(first_attachment_viewed_at), max(last_attachment_viewed_at),
    sum(human_viewed_emails), sum(human_attachment_views), min(human_first_attachment_viewed_at), max(human_last_attachment_viewed_at),
    sum(replied_emails), sum(replies), min(first_replied_at), max(last_replied_at),
    sum(human_replied_emails), sum(human_replies), min(human_first_replied_at), max(human_last_replied_at)
from staged_touched
group by tenant, template_id
order by tenant, template_id
on conflict (tenant, template_id, lane) do update set
    name = case
        when (excluded.named_at, coalesce(excluded.version, ''), coalesce(excluded.name, ''))
            > (t.named_at, coalesce(t.version, ''), coalesce(t.name, ''))
        then excluded.name else t.name
    end,
    version = case
        when (excluded.named_at, coalesce(excluded.version, ''), coalesce(excluded.name, ''))
            > (t.named_at, coalesce(t.version, ''), coalesce(t.name, ''))
        then excluded.version else t.version
    end,
    named_at = greatest(t.named_at, excluded.named_at),
    emails = t.emails + excluded.emails,
    followed_emails = t.followed_emails + excluded.followed_emails,
    opened_emails = t.opened_emails + excluded.opened_emails,
    human_opened_emails = t.human_opened_emails + excluded.human_opened_emails,
    clicked_emails = t.clicked_emails + excluded.clicked_emails,
    human_clicked_emails = t.human_clicked_emails + excluded.human_clicked_emails,
    viewed_emails = t.viewed_emails + excluded.viewed_emails,
    human_viewed_emails = t.human_viewed_emails + excluded.human_viewed_emails,
    replied_emails = t.replied_emails + excluded.replied_emails,
    human_replied_emails = t.human_replied_emails + excluded.human_replied_emails,
    opens = t.opens + excluded.opens,
    first_opened_at = least(t.first_opened_at, excluded.first_opened_at),
    last_opened_at = greatest(t.last_opened_at, excluded.last_opened_at),
    human_opens = t.human_opens + excluded.human_opens,
    human_first_opened_at = least(t.human_first_opened_at, excluded.human_first_opened_at),
    human_last_opened_at = greatest(t.human_last_opened_at, excluded.human_last_opened_at),
    clicks = t.clicks + excluded.clicks,
    first_clicked_at = least(t.first_clicked_at, excluded.first_clicked_at),
    last_clicked_at = greatest(t.last_clicked_at, excluded.last_clicked_at),
    human_clicks = t.human_clicks + excluded.human_clicks,
    human_first_clicked_at = least(t.human_first_clicked_at, excluded.human_first_clicked_at),
    human_last_clicked_at = greatest(t.human_last_clicked_at, excluded.human_last_clicked_at),
    attachment_views = t.attachment_views + excluded.attachment_views,
    first_attachment_viewed_at = least(t.first_attachment_viewed_at, excluded.first_attachment_viewed_at),
    last_attachment_viewed_at = greatest(t.last_attachment_viewed_at, excluded.last_attachment_viewed_at),
    human_attachment_views = t.human_attachment_views + excluded.human_attachment_views,
    human_first_attachment_viewed_at = least(t.human_first_attachment_viewed_at, excluded.human_first_attachment_viewed_at),
    human_last_attachment_viewed_at = greatest(t.human_last_attachment_viewed_at, excluded.human_last_attachment_viewed_at),
    replies = t.replies + excluded.replies,
    first_replied_at = least(t.first_replied_at, excluded.first_replied_at),
    last_replied_at = greatest(t.last_replied_at, excluded.last_replied_at),
    human_replies = t.human_replies + excluded.human_replies,
    human_first_replied_at = least(t.human_first_replied_at, excluded.human_first_replied_at),
    human_last_replied_at = greatest(t.human_last_replied_at, excluded.human_last_replied_at);
