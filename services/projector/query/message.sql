-- name: message
-- One message, if it was prepared and may be seen.
select
    m.*,
    (
        select t.name
        from template t
        where t.tenant = m.tenant and t.template_id = m.template_id
        order by t.named_at desc
        limit 1
    ) as template_name
from message m
where m.tenant = $1 and m.message_id = $2 and m.prepared_at is not null and ($3::text is null or m.owner = $3);

-- name: personal
-- What names people and content of one message.
select subject, body
from personal
where tenant = $1 and message_id = $2;

-- name: people
-- All recipients of one message, in the order of the mail.
select ref, position, kind, field, followed, reason
from recipient
where tenant = $1 and message_id = $2
order by position nulls last, ref;

-- name: links
-- One page of a message's links, in the order of the mail; its canary (link 65535) is none of the sender's.
select m.*, {key} as sort_key, {tie} as sort_tie
from link m
where {where} and m.link_index < 65535
order by {order}
limit {limit};

-- name: attachments
-- One page of a message's files, in the order of the mail.
select m.*, {key} as sort_key, {tie} as sort_tie
from attachment m
where {where}
order by {order}
limit {limit};

-- name: viewers
-- Who viewed some files of one message, the latest first, so many of each, with how many there are in all.
select *
from (
    select
        *,
        row_number() over (partition by attachment_index order by last_attachment_viewed_at desc, ref) as number,
        count(*) over (partition by attachment_index) as total
    from viewer
    where tenant = $1 and message_id = $2 and attachment_index = any($3::integer[])
) numbered
where number <= $4
order by attachment_index, number;

-- name: recipients
-- One page of a message's recipients, in the order of the mail.
select m.*, {key} as sort_key, {tie} as sort_tie
from recipient m
where {where}
order by {order}
limit {limit};

-- name: where_message
-- Rows of one message.
m.tenant = {0} and m.message_id = {1};
