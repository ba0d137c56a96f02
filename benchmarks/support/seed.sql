-- name: message
-- Emails of one tenant over a year, the newest last. $1 tenant, $2 how many, $3 now, $4 the number of the first seller, $5
-- of how many more, $6 of how many templates. The same early emails of every tenant are seller 12's, so that what is looked
-- for among them (a record, a person, a label, a word) is this seller's everywhere.
insert into message (
    tenant, message_id, prepared_at, owner, followed, reason, renditions, mode, template_id, template_version, regarding,
    labels, scheduled_at, cancelled_at, bounced_at,
    opens, first_opened_at, last_opened_at, human_opens, human_first_opened_at, human_last_opened_at,
    clicks, first_clicked_at, last_clicked_at, human_clicks, human_first_clicked_at, human_last_clicked_at,
    attachment_views, first_attachment_viewed_at, last_attachment_viewed_at,
    human_attachment_views, human_first_attachment_viewed_at, human_last_attachment_viewed_at,
    replies, first_replied_at, last_replied_at, human_replies, human_first_replied_at, human_last_replied_at
)
select
    $1, md5($1 || n)::uuid, at,
    'seller-' || case when n between 600 and 3200 then 12 else $4 + ($5 * power(luck[1], 3))::int end, followed,
    case when not followed then 'recipient_refuses' end, 'recipient', 'full',
    case when luck[2] < 0.6 then 'template-' || ($6 * power(luck[3], 2))::int end, '1',
    case when luck[4] < 0.5 then 'deal-' || (n / 12) end,
    case when luck[5] < 0.3 then jsonb_build_object('step', (1 + floor(luck[6] * 5))::text, 'campaign', 'c-' || (n / 40))
         else '{}' end,
    case when luck[7] < 0.02 then at + 86400000000 end,
    case when luck[8] < 0.02 then at + 60000000 end,
    case when luck[9] < 0.02 then at + 5000000 end,
    opens, case when opens > 0 then at + seen end, case when opens > 0 then at + seen * opens end,
    human_opens, case when human_opens > 0 then at + seen end, case when human_opens > 0 then at + seen * human_opens end,
    clicks, case when clicks > 0 then at + seen * 2 end, case when clicks > 0 then at + seen * 3 end,
    clicks, case when clicks > 0 then at + seen * 2 end, case when clicks > 0 then at + seen * 3 end,
    views, case when views > 0 then at + seen * 2 end, case when views > 0 then at + seen * 3 end,
    views, case when views > 0 then at + seen * 2 end, case when views > 0 then at + seen * 3 end,
    replies, case when replies > 0 then at + seen * 4 end, case when replies > 0 then at + seen * 4 end,
    replies, case when replies > 0 then at + seen * 4 end, case when replies > 0 then at + seen * 4 end
from (
    select
        n, luck, at, followed, (60000000 + luck[10] * 86400000000)::bigint as seen, opens,
        case when luck[11] < 0.7 then (opens + 1) / 2 else 0 end as human_opens,
        case when opens > 0 and luck[12] < 0.2 then 1 else 0 end as clicks,
        case when opens > 0 and luck[13] < 0.07 then 1 else 0 end as views,
        case when followed and luck[14] < 0.06 then 1 else 0 end as replies
    from (
        select
            n, luck, $3 - (31536000000000 * (($2 - n)::float8 / $2))::bigint as at, luck[15] < 0.85 as followed,
            case when luck[15] < 0.85 and luck[16] < 0.6 then 1 + (12 * power(luck[17], 4))::int else 0 end as opens
        from (
            select n, array(
                select (hashint8extended(n * 32 + place, 7) & 2147483647)::float8 / 2147483648
                from generate_series(1, 17) place
            ) as luck
            from generate_series(1, $2::bigint) n
            offset 0  -- drawn once, not for each use
        ) lucky
        offset 0
    ) followed
) counted;

-- name: label
-- The labels of these emails. $1 tenant.
insert into label (tenant, name, value, message_id)
select tenant, one.key, one.value, message_id from message, jsonb_each_text(labels) one where tenant = $1;

-- name: recipient
-- One recipient of each, with the figures of the email; a second one for every fifth. $1 tenant, $2 how many.
insert into recipient (
    tenant, message_id, ref, position, kind, field, followed, time_zone, opens, first_opened_at, last_opened_at,
    human_opens, human_first_opened_at, human_last_opened_at, clicks, first_clicked_at, last_clicked_at
)
select
    $1, message_id, lpad(to_hex(abs(hashint8(n / 9 + place * 77777))::bigint), 16, '0'), place, 'contact', 'to', followed, 'UTC',
    opens, first_opened_at, last_opened_at, human_opens, human_first_opened_at, human_last_opened_at, clicks,
    first_clicked_at, last_clicked_at
from generate_series(1, $2::bigint) n
join message on tenant = $1 and message_id = md5($1 || n)::uuid
cross join lateral generate_series(0, case when n % 5 = 0 then 1 else 0 end) place;

-- name: personal
-- What names people and content. $1 tenant, $2 how many.
insert into personal (tenant, message_id, subject, body)
select
    $1, md5($1 || n)::uuid, subject, jsonb_build_object(
        'message_id', md5($1 || n)::uuid, 'subject', subject,
        'recipients', (
            select jsonb_agg(jsonb_build_object(
                'ref', lpad(to_hex(abs(hashint8(n / 9 + place * 77777))::bigint), 16, '0'),
                'name', names[1 + (n / 9 + place) % 12] || ' ' || surnames[1 + (n / 108 + place) % 12] || (n / 9 + place) % 5000,
                'address', 'person' || (n / 9 + place) || '@customer' || (n / 9 % 900) || '.example',
                'id', 'c-' || (n / 9 + place)))
            from generate_series(0, case when n % 5 = 0 then 1 else 0 end) place),
        'links', jsonb_build_array(jsonb_build_object(
            'index', 0, 'url', 'https://shop.example/' || n, 'text', 'Offer')), 'attachments', '[]'::jsonb)
from (
    select
        n,
        array['Ada', 'Björn', 'Chloé', 'Dmitri', 'Eun-ji', 'Fatima', 'Greta', 'Hiro', 'Ines', 'Jan', 'Kofi', 'Lena'] as names,
        array['Adams', 'Berg', 'Costa', 'Dubois', 'Ek', 'Fischer', 'Gupta', 'Haas', 'Ito', 'Jansen', 'Kim', 'Lund'] as surnames,
        (array['Your offer', 'Following up on our call', 'Invoice', 'Meeting notes', 'A question about pricing',
               'Welcome aboard', 'Renewal of contract', 'Demo on Thursday'])[1 + n % 8] || ' ' || n / 100 as subject
    from generate_series(1, $2::bigint) n
) told;

-- name: person
-- Which refs stand for whom. $1 tenant.
insert into person (tenant, message_id, ref, id)
select tenant, message_id, one ->> 'ref', one ->> 'id'
from personal, jsonb_array_elements(body -> 'recipients') one
where tenant = $1;

-- name: interaction
-- The opens and clicks of the history, one row for each open counted. $1 tenant.
insert into interaction (
    event_id, tenant, message_id, ref, kind, item, occurred_at, recorded_at, agent, rule, human, method, edge, user_agent,
    network, language
)
select
    (lpad(to_hex((first_opened_at + number * 1000000) / 1000), 12, '0') || '7' || substr(md5(message_id::text || number), 1, 3)
     || '8' || substr(md5(message_id::text || number), 5, 15))::uuid,
    tenant, message_id, null, 1, null, first_opened_at + number * 1000000, first_opened_at + number * 1000000 + 5,
    'person', 'nothing_against_it', number <= human_opens, 'GET', 'edge-1', 'Mozilla/5.0 (X11; Linux x86_64) Thunderbird/140.0',
    '192.0.2.0/24', 'en'
from message cross join lateral generate_series(1, opens) number
where tenant = $1 and opens > 0;

-- name: link
-- One link of each. $1 tenant.
insert into link (tenant, message_id, link_index, position, host, followed, clicks, first_clicked_at, last_clicked_at)
select tenant, message_id, 0, 0, 'shop.example', true, clicks, first_clicked_at, last_clicked_at
from message where tenant = $1;

-- name: template
-- The templates, without figures. $1 tenant.
insert into template (tenant, template_id, lane, name, version, named_at, emails, followed_emails)
select tenant, template_id, 0, 'Template ' || template_id, '1', 1, count(*), count(*) filter (where followed)
from message where tenant = $1 and template_id is not null group by tenant, template_id;
