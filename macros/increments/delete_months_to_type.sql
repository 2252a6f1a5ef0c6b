{#-
    Before a staging table gets the rows of the months to type: whatever it holds of them goes. In a transaction
    of its own, as not every engine can do both in one: a run killed in between leaves months missing, and the next
    one types them.
-#}
{%- macro delete_months_to_type() -%}
    {%- set months = months_to_type() -%}
    {%- if months -%} {{ delete_months(this, months) }} {%- endif -%}
{%- endmacro -%}
