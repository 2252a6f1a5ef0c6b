{#-
    One row if a condition holds for too small a share of the rows for which it is true or false: how many rows were
    checked and failed, the share, and the first and last key of those that failed. One scan of the model, which asks the
    condition once a row: as a filter too, it would be asked twice.
-#}
{%- macro share_that_holds(model, condition, at_least, key) -%}
    with

    judged as (

        select
            {%- for column in (key or []) | unique %}
            {{ column }},
            {%- endfor %}
            ({{ condition }}) as holds
        from {{ model }}

    ),

    counted as (

        select
            count(holds) as rows_checked,
            {{ count_where('not holds') }} as rows_that_fail,
            {%- for extreme in ('min', 'max') %}
            {{ extreme }}(
                case when not holds then
                {%- for column in (key or []) | unique %}
                    {{ "' ' || " if loop.index > 1 }}coalesce(cast({{ column }} as varchar), 'null'){{ " ||" if not loop.last }}
                {%- else %} cast(null as varchar)
                {%- endfor %}
                end
            ) as {{ 'first' if extreme == 'min' else 'last' }}_example{{ ',' if not loop.last }}
            {%- endfor %}
        from judged

    )

    select
        rows_checked,
        rows_that_fail,
        {{ ratio('rows_checked - rows_that_fail', 'rows_checked') }} as share_that_holds,
        {{ at_least }} as at_least,
        first_example,
        last_example
    from counted
    where {{ ratio('rows_checked - rows_that_fail', 'rows_checked') }} < {{ at_least }}
{%- endmacro -%}
