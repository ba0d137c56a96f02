-- Who wrote a reply is decided where the message's refs are known; a reply to a message that is not known is set aside.

alter table message add column sender_ref text;
alter table correspondence add column from_ref text;
alter table correspondence add column set_aside boolean not null default false;

create index correspondence_set_aside on correspondence (tenant, message_id) where set_aside;
