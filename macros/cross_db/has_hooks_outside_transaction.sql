{#- Whether a model's hooks that ask to run outside its transaction are run; dbt-trino runs the others only. -#}
{%- macro has_hooks_outside_transaction() -%}
    {{- return(adapter.dispatch('has_hooks_outside_transaction')()) -}}
{%- endmacro -%}

{%- macro default__has_hooks_outside_transaction() -%}
    {{- return(true) -}}
{%- endmacro -%}

{%- macro trino__has_hooks_outside_transaction() -%}
    {{- return(false) -}}
{%- endmacro -%}
