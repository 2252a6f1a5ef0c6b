{#-
    `relationships` for a key of several columns: fails for each row whose columns are all known and in no row of the
    other model.
-#}
{% test relationships_combination(model, columns, to, fields=none) %}

    {%- set pairs = zip(columns, fields or columns) | list %}

    select
        {%- for column in columns %}
        child.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }} as child
    left join {{ to }} as parent
        on
            {%- for column, field in pairs %}
            {{ 'and ' if not loop.first }}child.{{ column }} = parent.{{ field }}
            {%- endfor %}
    where
        parent.{{ pairs[0][1] }} is null
        {%- for column in columns %}
        and child.{{ column }} is not null
        {%- endfor %}

{% endtest %}
