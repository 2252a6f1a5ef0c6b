{#-
    Before a staging table gets the rows of the months to type: whatever it holds of them goes. In a transaction
    of its own, as not every engine can do both in one: a run killed in between leaves months missing, and the next
    one types them. A hook of each kind calls it, and the one that the engine runs works.
-#}
{%- macro delete_months_to_type(outside_transaction) -%}
    {%- if outside_transaction == has_hooks_outside_transaction() -%}
        {%- set months = months_to_type() -%}
        {%- if months -%} {{ delete_months(this, months) }} {%- endif -%}
    {%- endif -%}
{%- endmacro -%}
