-- name: standing
-- What every answer says of itself: whether email engagement is on (null: nobody said), how far the fold has read, and from
-- which day on the history is whole (null: all of it is). $1 is the fold's consumer, $2 the tenant.
select
    (select engagement from tenant_setting where tenant = $2) as engagement,
    ({read_to}) as read_to,
    (select max(first_day) from history_floor where tenant in ('', $2)) as history_from;
