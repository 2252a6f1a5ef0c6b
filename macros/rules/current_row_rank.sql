{#-
    1 for the current row of a key: the one from the latest delivery, and there the last line; a stock delivery sorts
    before the monthly one of the same month.
-#}
{%- macro current_row_rank(key) -%}
    row_number() over (
        partition by {{ key | join(', ') }}
        order by
            snapshot_month desc,
            case delivery_kind when 'monthly' then 1 else 0 end desc,
            line_number desc
    )
{%- endmacro -%}
