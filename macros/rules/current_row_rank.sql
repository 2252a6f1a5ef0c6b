{#-
    1 for the current row of a key: the one from the latest delivery, and there the last line; a stock delivery sorts
    before the monthly one of the same month.
-#}
{%- macro current_row_rank(key, relation) -%}
    row_number() over (
        partition by {% for column in key %}{{ relation }}.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
        order by
            {{ relation }}.snapshot_month desc,
            case {{ relation }}.delivery_kind when 'monthly' then 1 else 0 end desc,
            {{ relation }}.line_number desc
    )
{%- endmacro -%}
