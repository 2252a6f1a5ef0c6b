{#-
    One row if a condition holds for too small a share of the rows for which it is true or false: how many rows were
    checked and failed, the share, and the first and last key of those that failed. One scan of the model.
-#}
{%- macro share_that_holds(model, condition, at_least, key) -%}
    with

    judged as (

        select
            case when {{ condition }} then 0 else 1 end as fails,
            {%- if key %}
            case
                when {{ condition }} then cast(null as varchar)
                else
                    {%- for column in key %}
                    coalesce(cast({{ column }} as varchar), 'null'){{ " || ' ' ||" if not loop.last }}
                    {%- endfor %}
            end as row_key
            {%- else %}
            cast(null as varchar) as row_key
            {%- endif %}
        from {{ model }}
        where ({{ condition }}) is not null

    ),

    counted as (

        select
            count(*) as rows_checked,
            {{ count_where('fails = 1') }} as rows_that_fail,
            min(case when fails = 1 then row_key end) as first_example,
            max(case when fails = 1 then row_key end) as last_example
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
