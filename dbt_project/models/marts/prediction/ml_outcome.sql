{%- set list_names = ['top 1 %'] -%}
{%- for length in var('list_lengths') -%}
    {%- do list_names.append('best {:,}'.format(length)) -%}
{%- endfor -%}
{%- do list_names.append('all') -%}

with

outcomes as (

    select * from {{ ref('int_prediction_outcomes') }}

),

horizon as (

    select horizon_date from {{ ref('horizon') }}

),

lists as (

    select
        numbered_lists.list_number,
        numbered_lists.list_name
    from (
        values
        {%- for list_name in list_names %}
            ({{ loop.index0 }}, '{{ list_name }}'){{ ',' if not loop.last }}
        {%- endfor %}
    ) as numbered_lists (list_number, list_name)

),

by_list as (

    select
        outcomes.score_month,
        outcomes.scored_date,
        outcomes.model_name,
        outcomes.model_version,
        lists.list_number,
        lists.list_name,
        {{ sum_of_counts('outcomes.companies') }} as companies,
        {{ sum_of_counts('outcomes.already_users') }} as already_users,
        {{ sum_of_counts('outcomes.new_users') }} as new_users,
        {{ ratio(sum_of_counts('outcomes.expected_billionths'), 1000000000) }} as expected_users
    from outcomes
    inner join lists
        on
            outcomes.shortest_list <= lists.list_number
            or (outcomes.is_top_percent and lists.list_number = 0)
    group by
        outcomes.score_month,
        outcomes.scored_date,
        outcomes.model_name,
        outcomes.model_version,
        lists.list_number,
        lists.list_name

),

with_months as (

    select
        by_list.*,
        case
            when {{ add_months('by_list.scored_date', 12) }} <= horizon.horizon_date then 12
            else {{ calendar_months_between('by_list.scored_date', 'horizon.horizon_date') }}
        end as months_elapsed
    from by_list
    cross join horizon

),

final as (

    select
        lists.score_month,
        lists.model_name,
        lists.model_version,
        lists.list_name,
        lists.companies,
        lists.already_users,
        lists.new_users,
        {{ ratio('lists.new_users', 'lists.companies') }} as new_user_share,
        {{ ratio(ratio('lists.new_users', 'lists.companies'), ratio('everyone.new_users', 'everyone.companies')) }}
            as lift,
        cast(lists.months_elapsed as integer) as months_elapsed,
        lists.months_elapsed = 12 as is_complete,
        lists.expected_users,
        lists.expected_users * lists.months_elapsed / 12 as expected_users_by_now
    from with_months as lists
    inner join with_months as everyone
        on
            lists.score_month = everyone.score_month
            and lists.model_name = everyone.model_name
            and everyone.list_name = 'all'

)

select * from final
