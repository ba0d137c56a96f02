-- name: fold
-- Each hit goes into the history once; the new ones go on to the other read models. Returns how many, by kind and human.
with inserted as (
    insert into interaction (
        event_id, tenant, message_id, ref, kind, item, occurred_at, recorded_at, agent, rule, human,
        method, edge, user_agent, network, language, purpose, sec_purpose, byte_range
    )
    select
        event_id, tenant, message_id, ref, kind, item, occurred_at, recorded_at, agent, rule, human,
        method, edge, user_agent, network, language, purpose, sec_purpose, byte_range
    from staged_hit
    order by event_id
    on conflict (event_id) do nothing
    returning tenant, message_id, ref, kind, item, occurred_at, human, event_id, network, user_agent
),
fresh as (
    insert into staged_fresh (tenant, message_id, ref, kind, item, occurred_at, human, event_id, visitor)
    select
        tenant, message_id, ref, kind, item, occurred_at, human, event_id,
        case when kind = 3 then sha256(convert_to(coalesce(network, '') || ' ' || user_agent, 'UTF8')) end
    from inserted
    returning kind, human
)
select kind, human, count(*) as fresh from fresh group by kind, human;
