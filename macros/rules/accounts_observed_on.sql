{#- The day that accounts became public: filed_date, or accounts_date + 9 months where that is missing. -#}
{%- macro accounts_observed_on() -%}
    coalesce(filed_date, {{ add_months('accounts_date', 9) }})
{%- endmacro -%}
