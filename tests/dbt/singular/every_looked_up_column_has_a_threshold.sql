-- A lookup that the contract gains is measured at once; whether its coverage is good enough someone has to say.
{{ config(severity='warn') }}

{%- set with_threshold = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == 'test' and (node.test_metadata or {}).name == 'codes_are_looked_up' -%}
        {%- set arguments = node.test_metadata.kwargs -%}
        {%- do with_threshold.append((node.attached_node.split('.')[-1], arguments.column_name, arguments.lookup)) -%}
    {%- endfor -%}
{%- endif -%}

with

looked_up as (

    select
        'int_' || entity as model_name,
        column_name,
        lookup
    from {{ ref('lookup_coverage') }}

),

with_threshold as (

    select
        cast(null as varchar) as model_name,
        cast(null as varchar) as column_name,
        cast(null as varchar) as lookup
    where false

    {% for model, column_name, lookup in with_threshold %}
        union all

        select
            '{{ model }}' as model_name,
            '{{ column_name }}' as column_name,
            '{{ lookup }}' as lookup
    {% endfor %}

)

select
    looked_up.model_name,
    looked_up.column_name,
    looked_up.lookup,
    with_threshold.column_name as column_with_threshold
from looked_up
full outer join with_threshold
    on
        looked_up.model_name = with_threshold.model_name
        and looked_up.column_name = with_threshold.column_name
        and looked_up.lookup = with_threshold.lookup
where looked_up.model_name is null or with_threshold.model_name is null
