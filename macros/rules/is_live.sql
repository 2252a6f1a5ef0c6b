{#-
    Whether a company is live: not dissolved, and its legal status null, not in the lookup, or described there with a
    text beginning Active (any case). Takes the names of the company's relation and of the lookup left joined to it.
-#}
{%- macro is_live(company, legal_statuses) -%}
    {{ company }}.dissolution_date is null
    and (
        {{ company }}.legal_status is null
        or {{ legal_statuses }}.code is null
        or coalesce(lower({{ legal_statuses }}.description) like 'active%', false)
    )
{%- endmacro -%}
