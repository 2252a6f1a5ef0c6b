{#-
    The delivered values of a row that are not blank and do not parse, as |column=value|column=value|; null where all
    do. A value holds no |, the delimiter of the delivered text. The text is put together only in the few rows in which
    something was delivered and nothing came of it.
-#}
{%- macro unparseable_text(columns) -%}
    {%- set conditions = [] -%}
    {%- for column in columns if column.type != 'varchar' -%}
        {%- do conditions.append(column.name ~ ' is null and ' ~ column.name ~ '_as_delivered is not null') -%}
    {%- endfor -%}
    case
            when
                {{ conditions | join('\n                or ') or 'false' }}
                then nullif(
                    '|'
                    {%- for column in columns if column.type != 'varchar' %}
                    || case
                        when {{ column.name }} is null
                            then coalesce('{{ column.name }}=' || {{ trimmed(column.name ~ '_as_delivered') }} || '|', '')
                        else ''
                    end
                    {%- endfor %},
                    '|'
                )
        end
{%- endmacro -%}
