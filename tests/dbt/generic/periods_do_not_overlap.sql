{#-
    Fails for each period that is empty, that does not end where the next one of its key begins (a gap or an overlap),
    or that is current without being the last, or the last without being current.
-#}
{% test periods_do_not_overlap(model, key, valid_from='valid_from', valid_to='valid_to', is_current='is_current') %}

    with

    periods as (

        select
            {{ key }} as period_key,
            {{ valid_from }} as valid_from,
            {{ valid_to }} as valid_to,
            {{ is_current }} as is_current
        from {{ model }}

    ),

    with_next as (

        select
            periods.*,
            lead(valid_from) over (partition by period_key order by valid_from) as next_valid_from
        from periods

    )

    select * from with_next
    where
        valid_from is null
        or valid_from >= valid_to
        or valid_to is distinct from next_valid_from
        or is_current is distinct from (next_valid_from is null)

{% endtest %}
