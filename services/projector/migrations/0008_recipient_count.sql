-- How many recipients an email has, so that lists can be sorted by it. The fold must be stopped: every email is written anew.

alter table message add column recipient_count integer not null default 0;

-- Row-level security binds the owner of a table too, who has no policy to write by.
alter table message no force row level security;
alter table recipient no force row level security;
update message
set recipient_count = counted.recipients
from (
    select tenant, message_id, count(*)::integer as recipients
    from recipient
    where position is not null
    group by tenant, message_id
) counted
where message.tenant = counted.tenant and message.message_id = counted.message_id;
alter table recipient force row level security;
alter table message force row level security;
