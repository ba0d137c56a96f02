-- What a seller asks for is found as soon as what a manager asks for. Stop the fold for it: it makes an index anew.

-- Of emails that are in a rare state there are few, so an index of them for each owner costs the fold next to nothing.
create index message_cancelled_by_owner on message (tenant, owner, sent_at desc nulls last, message_id desc)
    where followed and cancelled_at is not null;
create index message_scheduled_by_owner on message (tenant, owner, scheduled_at desc nulls last, message_id desc)
    where followed and scheduled_at is not null and sent_at is null;
create index message_bounced_by_owner on message (tenant, owner, sent_at desc nulls last, message_id desc)
    where followed and bounced_at is not null;

-- Most emails have a template, and one more index of these would be one more entry for each update. With the owner behind the
-- order, the one that is there lets others' emails be passed over inside it. The old one goes last, so that lists that are
-- read by it wait for a moment only.
create index message_by_template_and_owner on message
    (tenant, template_id, sent_at desc nulls last, message_id desc, owner)
    where followed and template_id is not null;
drop index message_by_template;
alter index message_by_template_and_owner rename to message_by_template;
