{#-
    One row if a condition holds for too small a share of the rows for which it is true or false: how many rows were
    checked and failed, the share, and the first and last key of those that failed. One scan of the model, which asks the
    condition once a row: as a filter too, it would be asked twice.
-#}
{%- macro share_that_holds(model, condition, at_least, key) -%}
    {%- set columns = (key or []) | unique | list -%}
    {%- set texts = [] -%}
    {%- for column in columns -%}
        {%- do texts.append("coalesce(cast(" ~ column ~ " as varchar), 'null')") -%}
    {%- endfor -%}
    {%- set row_key = texts | join(" || ' ' || ") or 'cast(null as varchar)' %}
    with

    judged as (

        select
            {%- for column in columns %}
            {{ column }},
            {%- endfor %}
            ({{ condition }}) as holds
        from {{ model }}

    ),

    counted as (

        select
            count(holds) as rows_checked,
            {{ count_where('not holds') }} as rows_that_fail,
            min(case when not holds then {{ row_key }} end) as first_example,
            max(case when not holds then {{ row_key }} end) as last_example
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
