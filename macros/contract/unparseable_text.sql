{#-
    The delivered values of a row that are not blank and do not parse, as |column=value|column=value|; null where all
    do. A value holds no |, the delimiter of the delivered text.
-#}
{%- macro unparseable_text(columns) -%}
    nullif(
            '|'
            {%- for column in columns if column.type != 'varchar' %}
            || case
                when {{ column.name }} is null and {{ column.name }}_as_delivered is not null
                    then '{{ column.name }}=' || {{ column.name }}_as_delivered || '|'
                else ''
            end
            {%- endfor %},
            '|'
        )
{%- endmacro -%}
