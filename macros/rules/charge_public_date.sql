{#- The day that a charge became public: registered_date, or created_date + 21 days where that is missing. -#}
{%- macro charge_public_date() -%}
    coalesce(registered_date, {{ add_days('created_date', 21) }})
{%- endmacro -%}
