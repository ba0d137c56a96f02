-- The search as it was, but for two things. A sign behind a word of a term says that the word ends there, so it is looked for
-- whole and not as the beginning of others. And a term that can only be the beginning of an end of a word is decided by the
-- index alone; the emails are looked at again only for others.
create or replace function found_messages(terms text[], most integer) returns uuid[]
    language plpgsql stable strict security definer
    set search_path from current
    set enable_seqscan = off
    set enable_indexscan = off
    set work_mem = '64MB'  -- a bitmap that does not fit forgets rows, and to look at a row again is dear
as $$
declare
    whose constant text := current_setting('app.tenant', true);
    seller constant text := coalesce(current_setting('app.owner', true), '');
    inexact constant text[] := array(
        select lower(term) from unnest(terms) term where lower(term) ~ '[^[:alnum:]]' or length(lower(term)) > 16);
    wanted tsquery;
    found uuid[];
begin
    select string_agg(
        format(
            '''%s''%s', replace(replace(whose || ' ' || left(part[1], 16), '\', '\\'), '''', ''''''),
            case when part[2] = '' then ':*' end),
        ' & ')::tsquery
    into wanted
    from unnest(terms) term, regexp_matches(lower(term), '([[:alnum:]]+)([^[:alnum:]]?)', 'g') part;
    if wanted is null then
        return null;
    end if;
    select array_agg(message_id)
    into found
    from (
        select p.message_id
        from personal p
        where word_ends(p.tenant, p.haystack) @@ wanted and p.tenant = whose
            and (inexact = '{}' or (select bool_and(position(term in p.haystack) > 0) from unnest(inexact) term))
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
