-- name: fold
-- A message that was not known as prepared becomes so, with its recipients, links and files; the first in the log holds.
-- What was counted for it before goes on, whole, to its template and to the day on which it was sent. Returns the messages
-- to be stated as registered, which are those never stated before.
with prepared as (
    insert into message as m (
        tenant, message_id, prepared_at, owner, followed, reason, renditions, mode,
        template_id, template_version, regarding, labels, thread, scheduled_at, sender_ref, recipient_count
    )
    select
        tenant, message_id, prepared_at, owner, followed, reason, renditions, mode,
        template_id, template_version, regarding, labels, thread, scheduled_at, sender_ref, recipient_count
    from staged_message
    order by tenant, message_id
    on conflict (tenant, message_id) do update set
        prepared_at = excluded.prepared_at,
        owner = excluded.owner,
        followed = excluded.followed,
        reason = excluded.reason,
        renditions = excluded.renditions,
        mode = excluded.mode,
        template_id = excluded.template_id,
        template_version = excluded.template_version,
        regarding = excluded.regarding,
        labels = excluded.labels,
        thread = excluded.thread,
        sender_ref = excluded.sender_ref,
        recipient_count = excluded.recipient_count,
        scheduled_at = case when m.rescheduled_at is null then excluded.scheduled_at else m.scheduled_at end
    where m.prepared_at is null
    returning *
),
recipients as (
    insert into recipient as r (tenant, message_id, ref, position, kind, field, followed, reason, time_zone)
    select tenant, message_id, ref, position, kind, field, s.followed, s.reason, time_zone
    from staged_recipient s join prepared using (tenant, message_id)
    order by tenant, message_id, ref
    on conflict (tenant, message_id, ref) do update set
        position = excluded.position,
        kind = excluded.kind,
        field = excluded.field,
        followed = excluded.followed,
        reason = excluded.reason,
        time_zone = excluded.time_zone
),
links as (
    insert into link as l (tenant, message_id, link_index, position, host, followed, reason)
    select tenant, message_id, link_index, position, host, s.followed, s.reason
    from staged_link s join prepared using (tenant, message_id)
    order by tenant, message_id, link_index
    on conflict (tenant, message_id, link_index) do update set
        position = excluded.position,
        host = excluded.host,
        followed = excluded.followed,
        reason = excluded.reason
),
labels as (
    insert into label (tenant, name, value, message_id)
    select tenant, one.key, one.value, message_id
    from prepared, jsonb_each_text(prepared.labels) one
    order by tenant, one.key, one.value, message_id
    on conflict do nothing
),
attachments as (
    insert into attachment as a (tenant, message_id, attachment_index, size, content_type, followed, reason)
    select tenant, message_id, attachment_index, size, content_type, s.followed, s.reason
    from staged_attachment s join prepared using (tenant, message_id)
    order by tenant, message_id, attachment_index
    on conflict (tenant, message_id, attachment_index) do update set
        size = excluded.size,
        content_type = excluded.content_type,
        followed = excluded.followed,
        reason = excluded.reason
),
touched as (
    insert into staged_touched (
        tenant, template_id, name, version, named_at, emails, followed_emails,
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
        tenant, template_id, template_name, template_version, prepared_at, 1, followed::int,
        case when followed then (opens > 0)::int else 0 end,
        case when followed then opens else 0 end,
        case when followed then first_opened_at end,
        case when followed then last_opened_at end,
        case when followed then (human_opens > 0)::int else 0 end,
        case when followed then human_opens else 0 end,
        case when followed then human_first_opened_at end,
        case when followed then human_last_opened_at end,
        case when followed then (clicks > 0)::int else 0 end,
        case when followed then clicks else 0 end,
        case when followed then first_clicked_at end,
        case when followed then last_clicked_at end,
        case when followed then (human_clicks > 0)::int else 0 end,
        case when followed then human_clicks else 0 end,
        case when followed then human_first_clicked_at end,
        case when followed then human_last_clicked_at end,
        case when followed then (attachment_views > 0)::int else 0 end,
        case when followed then attachment_views else 0 end,
        case when followed then first_attachment_viewed_at end,
        case when followed then last_attachment_viewed_at end,
        case when followed then (human_attachment_views > 0)::int else 0 end,
        case when followed then human_attachment_views else 0 end,
        case when followed then human_first_attachment_viewed_at end,
        case when followed then human_last_attachment_viewed_at end,
        case when followed then (replies > 0)::int else 0 end,
        case when followed then replies else 0 end,
        case when followed then first_replied_at end,
        case when followed then last_replied_at end,
        case when followed then (human_replies > 0)::int else 0 end,
        case when followed then human_replies else 0 end,
        case when followed then human_first_replied_at end,
        case when followed then human_last_replied_at end
    from prepared join (select tenant, message_id, template_name from staged_message) named using (tenant, message_id)
    where template_id is not null
),
late as (
    insert into staged_late (tenant, message_id, owner, followed)
    select tenant, message_id, owner, followed
    from prepared
    where opens + clicks + attachment_views > 0
),
cohort as (
    insert into staged_cohort (
        tenant, day, owner, emails, followed_emails,
        opened_emails, human_opened_emails, clicked_emails, human_clicked_emails,
        viewed_emails, human_viewed_emails, replied_emails, human_replied_emails
    )
    select
        tenant, date '1970-01-01' + (sent_at / 86400000000)::integer, owner, 1, followed::int,
        followed::int * (opens > 0)::int, followed::int * (human_opens > 0)::int,
        followed::int * (clicks > 0)::int, followed::int * (human_clicks > 0)::int,
        followed::int * (attachment_views > 0)::int, followed::int * (human_attachment_views > 0)::int,
        followed::int * (replies > 0)::int, followed::int * (human_replies > 0)::int
    from prepared
    where sent_at is not null
)
insert into first_fact (tenant, message_id, ref, type, ordinal, event_id, occurred_at)
select tenant, message_id, '', 'message.registered', 1, event_id, prepared_at
from prepared join (select tenant, message_id, event_id from staged_message) cause using (tenant, message_id)
order by tenant, message_id
on conflict do nothing
returning tenant, message_id;
