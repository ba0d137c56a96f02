-- What lists are read by: an index for each named pair of filter and sort (services/projector/query/named.py), the labels of
-- messages, and the words that a search finds.

-- Each order for the tenant and for one owner. Where few emails have what is sorted by, the index holds only these, so that
-- the fold pays for it only where it happened.
create index message_by_template on message (tenant, template_id, sent_at desc nulls last, message_id desc)
    where followed and template_id is not null;
create index message_unfollowed on message (tenant, sent_at desc nulls last, message_id desc) where not followed;
create index message_unfollowed_by_owner on message (tenant, owner, sent_at desc nulls last, message_id desc)
    where not followed;
create index message_unopened on message (tenant, sent_at desc nulls last, message_id desc)
    where followed and human_last_opened_at is null;
create index message_unopened_by_owner on message (tenant, owner, sent_at desc nulls last, message_id desc)
    where followed and human_last_opened_at is null;

do $$
declare
    prefix text;
    name text;
begin
    foreach prefix in array array['', 'human_'] loop
        foreach name in array array['opened', 'clicked', 'attachment_viewed', 'replied'] loop
            continue when prefix = '' and name = 'opened';  -- they are there since the first migration
            execute format(
                'create index %2$I on message (tenant, %1$I desc nulls last, message_id desc)
                 where followed and %1$I is not null',
                format('%slast_%s_at', prefix, name), format('message_by_%s%s', prefix, name));
            execute format(
                'create index %2$I on message (tenant, owner, %1$I desc nulls last, message_id desc)
                 where followed and %1$I is not null',
                format('%slast_%s_at', prefix, name), format('message_by_owner_%s%s', prefix, name));
        end loop;
    end loop;
end $$;

create index message_cancelled on message (tenant, sent_at desc nulls last, message_id desc)
    where followed and cancelled_at is not null;
create index message_scheduled on message (tenant, scheduled_at desc nulls last, message_id desc)
    where followed and scheduled_at is not null and sent_at is null;
create index message_bounced on message (tenant, sent_at desc nulls last, message_id desc)
    where followed and bounced_at is not null;

-- By which labels an email is found. As personal and its like it is seen by whoever sees the message.
create table label (
    tenant text not null,
    name text not null,
    value text not null,
    message_id uuid not null,
    primary key (tenant, name, value, message_id)
);

grant select, insert, update, delete on label to inkling_projector_writer;
grant select on label to inkling_projector_reader;
alter table label enable row level security;
alter table label force row level security;
create policy writes on label to inkling_projector_writer using (true) with check (true);
create policy reads on label for select to inkling_projector_reader using (
    tenant = current_setting('app.tenant', true)
    and (coalesce(current_setting('app.owner', true), '') = ''
         or exists (select from message where message.tenant = label.tenant and message.message_id = label.message_id)));

-- What a search looks through: the subject, and each recipient's name and address, a line each, in lower case; no more than
-- a mail to a hundred people has.
create function haystack(subject text, body jsonb) returns text
    language sql immutable parallel safe
    return left(lower(subject || coalesce((
        select string_agg(concat(E'\n', one ->> 'name', E'\n', one ->> 'address'), '' order by place)
        from jsonb_array_elements(
            case when jsonb_typeof(body -> 'recipients') = 'array' then body -> 'recipients' end
        ) with ordinality as named (one, place)
    ), '')), 8000);

-- The beginning is enough to sort by, and an index holds no long texts.
alter table personal
    add column haystack text generated always as (haystack(subject, body)) stored,
    add column subject_key text generated always as (lower(left(subject, 100))) stored,
    add column recipient_key text generated always as (
        lower(left(coalesce(body #>> '{recipients,0,name}', body #>> '{recipients,0,address}'), 100))
    ) stored;

create index personal_by_subject on personal (tenant, subject_key, message_id);
create index personal_by_recipient on personal (tenant, recipient_key, message_id);

-- The ends of all words, each behind the tenant: what is looked for anywhere in a word is the beginning of one of its ends.
create function word_ends(tenant text, haystack text) returns tsvector
    language sql immutable parallel safe
    return (
        select array_to_tsvector(coalesce(array_agg(tenant || ' ' || substr(word, place, 16)), '{}'))
        from regexp_split_to_table(haystack, '[^[:alnum:]]+') word, generate_series(1, length(word)) place
    );

-- A short pending list, because each search reads all of it.
create index personal_by_word_end on personal using gin (word_ends(tenant, haystack)) with (gin_pending_list_limit = 256);
-- Its statistics are dear to collect, and no plan depends on them.
alter index personal_by_word_end alter column 1 set statistics 0;

-- `@@` is no leakproof operator, so under a policy it would not use the index. Hence this function, which looks as the owner
-- and tells no more than the caller's settings allow. Null is: they are found sooner by going through the list, because more
-- than `most` of the tenant's emails have all the terms, or because there is no word in them.
create policy finds on personal for select to current_user using (true);
create policy finds on message for select to current_user using (true);

create function found_messages(terms text[], most integer) returns uuid[]
    language plpgsql stable strict security definer
    set search_path from current
    set enable_seqscan = off
    set enable_indexscan = off
    set work_mem = '64MB'  -- a bitmap that does not fit forgets rows, and to look at a row again is dear
as $$
declare
    whose constant text := current_setting('app.tenant', true);
    seller constant text := coalesce(current_setting('app.owner', true), '');
    wanted tsquery;
    found uuid[];
begin
    select string_agg(format('''%s'':*', replace(replace(whose || ' ' || left(word, 16), '\', '\\'), '''', '''''')), ' & ')::tsquery
    into wanted
    from unnest(terms) term, regexp_split_to_table(lower(term), '[^[:alnum:]]+') word
    where word <> '';
    if wanted is null then
        return null;
    end if;
    select array_agg(message_id)
    into found
    from (
        select p.message_id
        from personal p
        where word_ends(p.tenant, p.haystack) @@ wanted and p.tenant = whose
            and (select bool_and(position(lower(term) in p.haystack) > 0) from unnest(terms) term)
        limit most + 1
    ) some_found;
    if cardinality(found) > most then
        return null;
    end if;
    if seller <> '' then
        found := array(
            select m.message_id from message m
            where m.tenant = whose and m.message_id = any(found) and m.owner = seller);
    end if;
    return coalesce(found, '{}');
end
$$;

revoke all on function found_messages from public;
grant execute on function found_messages to inkling_projector_reader;
