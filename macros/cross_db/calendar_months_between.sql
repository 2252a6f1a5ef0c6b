{#- 12 x years + months between two calendar months; the days of the month do not matter. -#}
{%- macro calendar_months_between(from_date, to_date) -%}
    (
        12 * (extract(year from {{ to_date }}) - extract(year from {{ from_date }}))
        + extract(month from {{ to_date }}) - extract(month from {{ from_date }})
    )
{%- endmacro -%}
